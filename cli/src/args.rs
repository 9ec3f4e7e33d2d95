//! What the user may type. Plain data: `command` makes sense of it.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use sealing::Scope;

use crate::output::Format;
use crate::source::From;
use crate::{exit, names};

/// Encrypt secrets into a SealedSecret that is safe to commit to git
///
/// Reads values from files or the standard input (dotenv, Terraform variables, a flat JSON or YAML
/// object, or Secret manifests) and writes a SealedSecret that only the controller of the cluster
/// can open.
#[derive(Debug, Parser)]
#[command(
    name = "mtk-seal",
    version,
    args_conflicts_with_subcommands = true,
    after_help = exit::table(),
    max_term_width = 100,
)]
pub(crate) struct Args {
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Option<CommandArgs>,
    #[command(flatten)]
    pub(crate) seal: SealArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CommandArgs {
    /// Write a project file, and fetch the certificate into a file beside it
    Init(InitArgs),
    /// Open SealedSecrets offline, with the private keys
    Unseal(UnsealArgs),
    /// Render the templates of SealedSecrets and ExternalSecrets offline, or find their mistakes
    Template(TemplateArgs),
    /// Print the certificate that would be used
    Cert(CertArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page of mtk-seal, or of one of its commands
    Man {
        /// The command
        command: Option<String>,
    },
}

#[derive(ClapArgs, Debug)]
pub(crate) struct SealArgs {
    /// Files to seal; `-` or none is the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A file to seal, for names that are also commands
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// What the input is; by default each file's name tells, else its content
    #[arg(long, value_enum, value_name = "SOURCE", help_heading = "Input")]
    pub(crate) from: Option<From>,
    /// The Terraform variable with the values, `app_secrets` by default
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub(crate) tfvar: Option<String>,
    /// Leave out manifests that are not Secrets
    #[arg(long, help_heading = "Input")]
    pub(crate) skip_others: bool,
    /// Seal a Secret without values too
    #[arg(long, help_heading = "Input")]
    pub(crate) allow_empty: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The certificate: a PEM file, or an https URL
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Secret")]
pub(crate) struct TargetArgs {
    /// The Secret's name
    #[arg(long, env = "MTK_SEAL_NAME", value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// The Secret's namespace
    #[arg(short, long, env = "MTK_SEAL_NAMESPACE", value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    /// Where it may be opened: strict, namespace-wide or cluster-wide [default: strict]
    #[arg(long, env = "MTK_SEAL_SCOPE")]
    pub(crate) scope: Option<Scope>,
    /// The Secret's type, such as kubernetes.io/tls
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_: Option<String>,
    /// A label of the Secret
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = names::label)]
    pub(crate) label: Vec<(String, String)>,
    /// An annotation of the Secret
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::annotation)]
    pub(crate) annotation: Vec<(String, String)>,
    /// A label of the SealedSecret itself
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::label)]
    pub(crate) sealed_label: Vec<(String, String)>,
    /// An annotation of the SealedSecret itself, such as Argo CD's sync wave
    #[arg(long, value_name = "KEY=VALUE", value_parser = names::annotation)]
    pub(crate) sealed_annotation: Vec<(String, String)>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// The format [default: yaml, or json for a -w FILE.json]
    #[arg(short, long, value_enum, env = "MTK_SEAL_OUTPUT", value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// Replace this file in one step, and only if all went well; `-` is the standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Certificate")]
pub(crate) struct ClusterArgs {
    /// Allow a certificate URL with plain http
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context
    #[arg(long, value_name = "NAME", env = "MTK_SEAL_CONTEXT")]
    pub(crate) context: Option<String>,
    /// The controller's namespace [default: kube-system]
    #[arg(long, value_name = "NAMESPACE", env = "MTK_SEAL_CONTROLLER_NAMESPACE", value_parser = names::namespace)]
    pub(crate) controller_namespace: Option<String>,
    /// The controller's Service [default: mtk-controller, then sealed-secrets-controller]
    #[arg(long, value_name = "NAME", env = "MTK_SEAL_CONTROLLER_NAME", value_parser = names::object)]
    pub(crate) controller_name: Option<String>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Project")]
pub(crate) struct ProjectArgs {
    /// Use this project file, whoever owns it, instead of the nearest .mtk-seal.yaml
    #[arg(
        long,
        value_name = "FILE",
        env = "MTK_SEAL_PROJECT_FILE",
        conflicts_with = "no_project_file"
    )]
    pub(crate) project_file: Option<PathBuf>,
    /// Use no project file
    #[arg(long)]
    pub(crate) no_project_file: bool,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct InitArgs {
    /// The Secret's name
    #[arg(long, value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// The Secret's namespace
    #[arg(short, long, value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    /// Where it may be opened: strict, namespace-wide or cluster-wide
    #[arg(long)]
    pub(crate) scope: Option<Scope>,
    /// Overwrite an existing project file and certificate
    #[arg(long)]
    pub(crate) force: bool,
    /// The certificate, a PEM file or an https URL, instead of the cluster's
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct UnsealArgs {
    /// Files to open; `-` or none is the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A private key: PEM, a key Secret, or a List of them; may be given several times
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "MTK_SEAL_KEY",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) key: Vec<PathBuf>,
    /// Leave out manifests that are not SealedSecrets
    #[arg(long)]
    pub(crate) skip_others: bool,
    /// The name, if the file has none
    #[arg(long, value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// The namespace, if the file has none
    #[arg(short, long, value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct TemplateArgs {
    /// Files with the manifests; `-` or none is the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The values of all items: a JSON object of names and strings [default: placeholders]
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Option<PathBuf>,
    /// Print the mistakes of the templates instead: unknown functions, missing keys, random values
    #[arg(long, conflicts_with_all = ["output", "write"])]
    pub(crate) lint: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct CertArgs {
    /// Ask the cluster, whatever the project file says
    #[arg(long, conflicts_with = "cert", help_heading = "Certificate")]
    pub(crate) cluster: bool,
    /// The certificate: a PEM file, or an https URL
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) access: ClusterArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}
