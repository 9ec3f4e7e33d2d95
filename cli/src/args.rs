//! The arguments as plain data. `command` validates them.

mod check;
mod items;
mod plan;
mod shared;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args as ClapArgs, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;
use sealing::Scope;

pub(crate) use self::{
    check::{DiffArgs, ExplainArgs, ExplainFormat, HookArgs, LintArgs, LintFormat, ValidateArgs},
    items::{EditArgs, ItemsArgs, MergeArgs, PlaceArgs, ReEncryptArgs, SealingArgs, SetArgs},
    plan::{PlanArgs, PlanFormat, PlanMode},
    shared::{
        ClusterArgs, ConnectionArgs, EnvironmentArgs, EnvironmentsArgs, KeyArgs, ProjectArgs,
        SourceFormat,
    },
};
use crate::{exit, kubeseal, names, output::Format};

/// All commands, with `kubeseal`, whose arguments [`crate::kubeseal`] reads.
pub(crate) fn command() -> clap::Command {
    Args::command().subcommand(kubeseal::command())
}

/// Parses the arguments of any other command.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Args, clap::Error> {
    Args::from_arg_matches(&command().try_get_matches_from(arguments)?)
}

/// Encrypt secrets into a SealedSecret that is safe to commit to git
///
/// Reads values from files or the standard input (dotenv, Terraform variables, a flat JSON or YAML
/// object, or Secret manifests). Writes a SealedSecret that only the controller in the cluster can
/// decrypt.
#[derive(Debug, Parser)]
#[command(
    name = "mtk-seal",
    version,
    args_conflicts_with_subcommands = true,
    after_help = exit::table(),
    max_term_width = 100,
)]
pub(crate) struct Args {
    /// Only print errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Option<CommandArgs>,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CommandArgs {
    /// Create a project file, and save the certificate next to it
    Init(InitArgs),
    #[command(flatten)]
    Items(ItemsArgs),
    /// Seal items again for the newest key, offline, with the private keys
    #[command(after_help = items::RE_ENCRYPT_EXAMPLES)]
    ReEncrypt(ReEncryptArgs),
    /// Find damaged SealedSecrets and values that are not sealed, offline
    #[command(after_help = check::LINT_EXAMPLES)]
    Lint(LintArgs),
    /// Show which values of SealedSecrets differ, offline, with the private keys
    #[command(after_help = check::DIFF_EXAMPLES)]
    Diff(DiffArgs),
    /// Explain which items of SealedSecrets do not open and why, offline
    #[command(after_help = check::EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Ask the controller whether it can decrypt SealedSecrets
    #[command(after_help = check::VALIDATE_EXAMPLES)]
    Validate(ValidateArgs),
    /// Install or remove a git hook that lints each commit
    #[command(subcommand, after_help = check::HOOK_EXAMPLES)]
    Hook(HookArgs),
    /// Decrypt SealedSecrets offline, with the private keys
    Unseal(UnsealArgs),
    /// Render or lint the templates of SealedSecrets and ExternalSecrets offline
    Template(TemplateArgs),
    /// Show what ExternalSecrets cost in AWS, and the IAM policies that they need, offline
    Plan(PlanArgs),
    /// Print the certificate that sealing would use
    Cert(CertArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of mtk-seal or one of its commands
    Man {
        /// The command
        command: Option<String>,
    },
}

#[derive(ClapArgs, Debug)]
pub(crate) struct SealArgs {
    /// Files to seal; `-` or no file reads the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A file to seal; use this if its name is also a command
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// Format of the input [default: detected from the file name or content]
    #[arg(long, value_enum, value_name = "SOURCE", help_heading = "Input")]
    pub(crate) from: Option<SourceFormat>,
    /// Terraform variable with the values [default: `app_secrets`]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub(crate) tfvar: Option<String>,
    /// Skip manifests that are not Secrets
    #[arg(long, help_heading = "Input")]
    pub(crate) skip_others: bool,
    /// Allow a Secret without values
    #[arg(long, help_heading = "Input")]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Seal every value again, even those that have not changed
    #[arg(long, help_heading = "Output")]
    pub(crate) fresh: bool,
    /// Certificate: a PEM file or an https URL
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) environments: EnvironmentsArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Secret")]
pub(crate) struct TargetArgs {
    /// Name of the Secret
    #[arg(long, env = "MTK_SEAL_NAME", value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// Namespace of the Secret
    #[arg(short, long, env = "MTK_SEAL_NAMESPACE", value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    /// Where the Secret can be decrypted: strict, namespace-wide or cluster-wide [default: strict]
    #[arg(long, env = "MTK_SEAL_SCOPE")]
    pub(crate) scope: Option<Scope>,
    /// Type of the Secret, such as kubernetes.io/tls
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_: Option<String>,
    /// Label of the Secret
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = names::label)]
    pub(crate) label: Vec<(String, String)>,
    /// Annotation of the Secret
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::annotation)]
    pub(crate) annotation: Vec<(String, String)>,
    /// Label of the SealedSecret
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::label)]
    pub(crate) sealed_label: Vec<(String, String)>,
    /// Annotation of the SealedSecret, such as an Argo CD sync wave
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::annotation)]
    pub(crate) sealed_annotation: Vec<(String, String)>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Output format [default: yaml, or json with -w FILE.json]
    #[arg(short, long, value_enum, env = "MTK_SEAL_OUTPUT", value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Write to this file atomically, only on success; `-` is the standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct InitArgs {
    /// Name of the Secret
    #[arg(long, value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// Namespace of the Secret
    #[arg(short, long, value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    /// Where Secrets can be decrypted: strict, namespace-wide or cluster-wide
    #[arg(long)]
    pub(crate) scope: Option<Scope>,
    /// Overwrite an existing project file and certificate
    #[arg(long)]
    pub(crate) force: bool,
    /// Certificate: a PEM file or an https URL, instead of the cluster's
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct UnsealArgs {
    /// Files to decrypt; `-` or no file reads the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Skip manifests that are not SealedSecrets
    #[arg(long)]
    pub(crate) skip_others: bool,
    /// Name that the items were sealed for, if the file has none
    #[arg(long, value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// Namespace that the items were sealed for, if the file has none
    #[arg(short, long, value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct TemplateArgs {
    /// Files with manifests; `-` or no file reads the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// JSON file with the values of all items, names to strings [default: placeholders]
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Option<PathBuf>,
    /// Print template errors instead: unknown functions, missing keys, random values
    #[arg(long, conflicts_with_all = ["output", "write"])]
    pub(crate) lint: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct CertArgs {
    /// Ask the cluster, and ignore the certificate of the project file
    #[arg(long, conflicts_with = "cert", help_heading = "Certificate")]
    pub(crate) cluster: bool,
    /// Certificate: a PEM file or an https URL
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) access: ClusterArgs,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}
