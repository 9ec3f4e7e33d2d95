//! The arguments of the commands that check files, and of the git hook.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::shared::{ConnectionArgs, KeyArgs, OptionalKeyArgs, ProjectArgs};
use crate::names;

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

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  mtk-seal explain sealed.yaml                    # the format, without keys
  mtk-seal explain --key keys.yaml sealed.yaml
  mtk-seal explain --key keys.yaml --try-namespace staging sealed.yaml
  mtk-seal explain --key keys.yaml -o json sealed.yaml

The keys of a cluster:
  kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key \\
    -o yaml > keys.yaml

The exit status is 0 if all items open, or without keys, if nothing is wrong. Otherwise it is 1.";

pub(super) const VALIDATE_EXAMPLES: &str = "\
Examples:
  mtk-seal validate sealed.yaml
  mtk-seal validate --context staging a.yaml b.yaml
  kustomize build overlays/prod | mtk-seal validate

In the namespace of the controller, this needs permission to `get` its Service, and to `create`
`services/proxy`. The request contains the ciphertexts, and no template.

The exit status is 0 if the controller can decrypt all SealedSecrets, and 1 if it cannot decrypt
some, or did not answer.";

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

/// The format of an explanation.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// one block for each SealedSecret, one line for each item
    Text,
    /// a list of objects
    Json,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ExplainArgs {
    /// Files with SealedSecrets; `-` or no file reads the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: OptionalKeyArgs,
    /// Name that the items may be sealed for; repeatable
    #[arg(long, value_name = "NAME", value_parser = names::object)]
    pub(crate) try_name: Vec<String>,
    /// Namespace that the items may be sealed for; repeatable
    #[arg(long, value_name = "NAMESPACE", value_parser = names::namespace)]
    pub(crate) try_namespace: Vec<String>,
    /// Format of the explanation
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: ExplainFormat,
    /// Certificate that the sizes of items must fit: a PEM file [default: the project file's, if it is a file]
    #[arg(long, value_name = "FILE", help_heading = "Certificate")]
    pub(crate) cert: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ValidateArgs {
    /// Files with SealedSecrets; `-` or no file reads the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten, next_help_heading = "Cluster")]
    pub(crate) connection: ConnectionArgs,
}
