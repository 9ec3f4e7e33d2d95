//! The arguments that several commands have.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::names;

/// A format that `--from` names.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum SourceFormat {
    /// KEY=value lines
    Dotenv,
    /// a map in Terraform variables
    Tfvars,
    /// one flat JSON object
    Json,
    /// one flat YAML mapping
    Yaml,
    /// Secret manifests, YAML or JSON
    Manifest,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct KeyArgs {
    /// Private key: PEM, a key Secret, or a List of key Secrets; repeatable
    #[arg(
        short,
        long,
        visible_alias = "private-key",
        value_name = "FILE",
        env = "MTK_SEAL_KEY",
        value_delimiter = ',',
        required = true
    )]
    pub(crate) key: Vec<PathBuf>,
}

/// Private keys for a command that also works without them.
#[derive(ClapArgs, Debug)]
pub(crate) struct OptionalKeyArgs {
    /// Private key: PEM, a key Secret, or a List of key Secrets; repeatable
    #[arg(
        short,
        long,
        visible_alias = "private-key",
        value_name = "FILE",
        env = "MTK_SEAL_KEY",
        value_delimiter = ','
    )]
    pub(crate) key: Vec<PathBuf>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Certificate")]
pub(crate) struct ClusterArgs {
    /// Allow a certificate URL with plain HTTP
    #[arg(long)]
    pub(crate) insecure_http: bool,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
}

/// How to reach the controller.
#[derive(ClapArgs, Debug)]
pub(crate) struct ConnectionArgs {
    /// Path of the kubeconfig [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", env = "MTK_SEAL_CONTEXT")]
    pub(crate) context: Option<String>,
    /// Namespace of the controller [default: kube-system]
    #[arg(long, value_name = "NAMESPACE", env = "MTK_SEAL_CONTROLLER_NAMESPACE", value_parser = names::namespace)]
    pub(crate) controller_namespace: Option<String>,
    /// Service of the controller [default: mtk-controller, then sealed-secrets-controller]
    #[arg(long, value_name = "NAME", env = "MTK_SEAL_CONTROLLER_NAME", value_parser = names::object)]
    pub(crate) controller_name: Option<String>,
}

/// Which environment of the project file.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Project")]
pub(crate) struct EnvironmentArgs {
    /// Environment of the project file
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Project")]
pub(crate) struct EnvironmentsArgs {
    /// Seal for these environments of the project file
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "all_envs")]
    pub(crate) env: Vec<String>,
    /// Seal for all environments of the project file
    #[arg(long)]
    pub(crate) all_envs: bool,
}

#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Project")]
pub(crate) struct ProjectArgs {
    /// Use this project file instead of the nearest .mtk-seal.yaml, even if other users can change it
    #[arg(
        long,
        value_name = "FILE",
        env = "MTK_SEAL_PROJECT_FILE",
        conflicts_with = "no_project_file"
    )]
    pub(crate) project_file: Option<PathBuf>,
    /// Ignore project files
    #[arg(long)]
    pub(crate) no_project_file: bool,
}
