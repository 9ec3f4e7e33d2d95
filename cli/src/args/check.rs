//! The arguments of the commands that check files, and of the git hook.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::shared::{KeyArgs, ProjectArgs};

pub(super) const LINT_EXAMPLES: &str = "\
Examples:
  mtk-seal lint                        # the working directory
  mtk-seal lint deploy/ sealed.yaml
  mtk-seal lint --staged               # the content that `git commit` would record
  mtk-seal lint --format sarif > lint.sarif

The exit status is 1 if there are findings.";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  mtk-seal diff --key keys.yaml old.yaml new.yaml
  mtk-seal diff --key keys.yaml --show old.yaml new.yaml

The exit status is 0 if all values are equal, and 1 if some differ.";

pub(super) const HOOK_EXAMPLES: &str = "\
Examples:
  mtk-seal hook install
  mtk-seal hook uninstall";

/// The format of findings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LintFormat {
    /// the place, rule and message on one line, and a hint below
    Text,
    /// a list of objects
    Json,
    /// SARIF 2.1.0, which code hosts show beside the lines
    Sarif,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct LintArgs {
    /// Files and directories [default: the working directory]
    #[arg(value_name = "PATH", conflicts_with = "staged")]
    pub(crate) paths: Vec<PathBuf>,
    /// Check what is staged in git, instead of files
    #[arg(long)]
    pub(crate) staged: bool,
    /// Format of the findings
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: LintFormat,
    /// Certificate that the sizes of items must fit: a PEM file [default: the project file's, if it is a file]
    #[arg(long, value_name = "FILE", help_heading = "Certificate")]
    pub(crate) cert: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum HookArgs {
    /// Write a pre-commit hook that runs `mtk-seal lint --staged`
    Install {
        /// Overwrite a hook that another program or person wrote
        #[arg(long)]
        force: bool,
    },
    /// Remove the pre-commit hook that `install` wrote
    Uninstall,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct DiffArgs {
    /// File with SealedSecrets
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// File with SealedSecrets to compare it with
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Print the values that differ
    #[arg(long)]
    pub(crate) show: bool,
}
