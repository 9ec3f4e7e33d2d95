//! Arguments that several commands have, validated.

use sources::SourceKind;

use crate::{
    args::{ClusterArgs, ConnectionArgs, EnvironmentsArgs, ProjectArgs, SourceFormat},
    certificate::{self, Source},
    cluster::{Access, Overrides},
    error::{Explain, hint},
    exit::Exit,
    project::{self, Environments, FileChoice},
};

/// The kind of a format.
pub(super) fn source_kind(format: SourceFormat) -> SourceKind {
    match format {
        SourceFormat::Dotenv => SourceKind::Dotenv,
        SourceFormat::Tfvars => SourceKind::Tfvars,
        SourceFormat::Json => SourceKind::Json,
        SourceFormat::Yaml => SourceKind::Yaml,
        SourceFormat::Manifest => SourceKind::Manifest,
    }
}

/// Where to get the certificate.
pub(super) fn certificate_options(
    cert: Option<String>,
    otherwise: Option<Source>,
    args: ClusterArgs,
) -> certificate::Options {
    certificate::Options {
        source: cert.map(|cert| Source::parse(&cert, None)).or(otherwise),
        insecure_http: args.insecure_http,
        access: access(args.connection),
    }
}

/// How to reach the controller.
pub(super) fn access(args: ConnectionArgs) -> Access {
    Access {
        kubeconfig: args.kubeconfig,
        context: args.context,
        namespace: args.controller_namespace,
        name: args.controller_name,
        overrides: Overrides::default(),
    }
}

/// Which project file to use.
pub(super) fn project_choice(args: ProjectArgs, environment: Option<String>) -> project::Choice {
    let file = match args.project_file {
        _ if args.no_project_file => FileChoice::None,
        Some(path) => FileChoice::File(path),
        None => FileChoice::Search,
    };
    project::Choice { file, environment }
}

/// The environments to seal for.
pub(super) fn environments(args: EnvironmentsArgs) -> Environments {
    match args.env {
        _ if args.all_envs => Environments::All,
        names if names.is_empty() => Environments::None,
        names => Environments::Named(names),
    }
}

/// Flags that cannot be combined.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UsageError {
    /// A scope annotation, which `--scope` sets.
    #[error("the annotation `{key}` sets the scope")]
    ScopeAnnotation {
        /// The annotation.
        key: String,
    },
    /// `-` is given twice.
    #[error("the standard input can be read only once")]
    StdinTwice,
    /// `--tfvar` with a format other than Terraform variables.
    #[error("`--tfvar` requires `--from tfvars`")]
    TfvarWithOtherFormat,
    /// A flag sets a key twice.
    #[error("`{flag}` is given twice for `{key}`")]
    DuplicateKey {
        /// The flag.
        flag: &'static str,
        /// The key.
        key: String,
    },
}

impl Explain for UsageError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::ScopeAnnotation { .. } => hint("use `--scope` instead"),
            Self::StdinTwice | Self::TfvarWithOtherFormat | Self::DuplicateKey { .. } => Vec::new(),
        }
    }
}
