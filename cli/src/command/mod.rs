//! What the user meant: one file per subcommand. Arguments are checked here, before any I/O.

mod cert;
mod init;
mod seal;
mod shell;
mod template;
mod unseal;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sealing::Scope;

use crate::args::{Args, ClusterArgs, CommandArgs, ProjectArgs, SealArgs};
use crate::certificate::{self, Access, Source};
use crate::error::{Explain, Failure, hint};
use crate::exit::Exit;
use crate::output::{Destination, Format};
use crate::project;
use crate::report::Report;
use crate::source::{From as SourceKind, Reading};
use crate::target::Wanted;

/// A command that makes sense.
pub(crate) enum Command {
    /// `mtk-seal cert`
    Cert(cert::Options),
    /// `mtk-seal completions`
    Completions(clap_complete::Shell),
    /// `mtk-seal init`
    Init(init::Options),
    /// `mtk-seal man`
    Man(Option<String>),
    /// `mtk-seal`
    Seal(Box<seal::Options>),
    /// `mtk-seal template`
    Template(template::Options),
    /// `mtk-seal unseal`
    Unseal(unseal::Options),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Cert(options) => cert::run(&options, report),
            Self::Completions(shell) => shell::completions(shell),
            Self::Init(options) => init::run(&options, report),
            Self::Man(command) => shell::man(command.as_deref()),
            Self::Seal(options) => seal::run(&options, report),
            Self::Template(options) => template::run(&options, report),
            Self::Unseal(options) => unseal::run(&options, report),
        }
    }
}

impl TryFrom<Args> for Command {
    type Error = Failure;

    fn try_from(args: Args) -> Result<Self, Failure> {
        Ok(match args.command {
            None => Self::Seal(Box::new(seal_options(args.seal)?)),
            Some(CommandArgs::Cert(args)) => {
                let cluster = args.cluster.then_some(Source::Cluster);
                Self::Cert(cert::Options {
                    certificate: certificate_options(args.cert, cluster, args.access),
                    project: project_choice(args.project),
                })
            }
            Some(CommandArgs::Completions { shell }) => Self::Completions(shell),
            Some(CommandArgs::Init(args)) => Self::Init(init::Options {
                name: args.name,
                namespace: args.namespace,
                scope: args.scope,
                force: args.force,
                certificate: certificate_options(args.cert, Some(Source::Cluster), args.cluster),
            }),
            Some(CommandArgs::Man { command }) => Self::Man(command),
            Some(CommandArgs::Template(args)) => {
                one_stdin(args.files.iter().chain(&args.values))?;
                let to = Destination::from_flag(args.output.write);
                Self::Template(template::Options {
                    files: args.files,
                    values: args.values,
                    lint: args.lint,
                    format: Format::choose(args.output.output, &to),
                    to,
                })
            }
            Some(CommandArgs::Unseal(args)) => {
                let to = Destination::from_flag(args.output.write);
                one_stdin(&args.files)?;
                Self::Unseal(unseal::Options {
                    files: args.files,
                    keys: args.key,
                    skip_others: args.skip_others,
                    name: args.name,
                    namespace: args.namespace,
                    format: Format::choose(args.output.output, &to),
                    to,
                })
            }
        })
    }
}

fn seal_options(args: SealArgs) -> Result<seal::Options, UsageError> {
    let target = args.target;
    let to = Destination::from_flag(args.output.write);
    let from = match (args.from, &args.tfvar) {
        (None, Some(_)) => Some(SourceKind::Tfvars),
        (Some(from), Some(_)) if from != SourceKind::Tfvars => {
            return Err(UsageError::TfvarOfOther);
        }
        (from, _) => from,
    };
    one_stdin(args.files.iter().chain(&args.file))?;
    Ok(seal::Options {
        files: args.files.into_iter().chain(args.file).collect(),
        reading: Reading { from, variable: args.tfvar, skip_others: args.skip_others },
        wanted: Wanted {
            name: target.name,
            namespace: target.namespace,
            scope: target.scope,
            type_: target.type_,
            labels: pairs("--label", target.label)?,
            annotations: pairs("--annotation", target.annotation)?,
            allow_empty: args.allow_empty,
        },
        sealed_labels: pairs("--sealed-label", target.sealed_label)?,
        sealed_annotations: pairs("--sealed-annotation", target.sealed_annotation)?,
        format: Format::choose(args.output.output, &to),
        to,
        certificate: certificate_options(args.cert, None, args.cluster),
        project: project_choice(args.project),
    })
}

fn certificate_options(
    cert: Option<String>,
    otherwise: Option<Source>,
    args: ClusterArgs,
) -> certificate::Options {
    certificate::Options {
        source: cert.map(|cert| Source::parse(&cert, None)).or(otherwise),
        insecure_http: args.insecure_http,
        access: Access {
            kubeconfig: args.kubeconfig,
            context: args.context,
            namespace: args.controller_namespace,
            name: args.controller_name,
        },
    }
}

fn project_choice(args: ProjectArgs) -> project::Choice {
    match args.project_file {
        _ if args.no_project_file => project::Choice::None,
        Some(path) => project::Choice::File(path),
        None => project::Choice::Search,
    }
}

fn pairs(
    flag: &'static str,
    given: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, UsageError> {
    let mut map = BTreeMap::new();
    for (key, value) in given {
        if [Scope::CLUSTER_WIDE_ANNOTATION, Scope::NAMESPACE_WIDE_ANNOTATION]
            .contains(&key.as_str())
        {
            return Err(UsageError::ScopeAnnotation { key });
        }
        if map.insert(key.clone(), value).is_some() {
            return Err(UsageError::Twice { flag, key });
        }
    }
    Ok(map)
}

fn one_stdin<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), UsageError> {
    match files.into_iter().filter(|path| path.as_os_str() == "-").count() {
        0 | 1 => Ok(()),
        _ => Err(UsageError::StdinTwice),
    }
}

/// Flags that do not go together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UsageError {
    /// The scope has a flag of its own.
    #[error("the annotation `{key}` is the scope's")]
    ScopeAnnotation {
        /// The annotation.
        key: String,
    },
    /// `-` twice.
    #[error("the standard input can be read only once")]
    StdinTwice,
    /// `--tfvar` and another source.
    #[error("`--tfvar` goes with `--from tfvars` alone")]
    TfvarOfOther,
    /// The same key twice.
    #[error("`{flag}` is given twice for `{key}`")]
    Twice {
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
            Self::ScopeAnnotation { .. } => hint("`--scope` sets it"),
            Self::StdinTwice | Self::TfvarOfOther | Self::Twice { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    fn command(args: &[&str]) -> Result<Command, Failure> {
        Command::try_from(Args::try_parse_from(args).unwrap())
    }

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_flag_and_variable_is_in_the_documentation() {
        let docs = include_str!("../../../docs/cli.md");
        let root = Args::command();
        let commands = std::iter::once(&root).chain(root.get_subcommands());
        for arg in commands.flat_map(clap::Command::get_arguments) {
            if let Some(long) = arg.get_long().filter(|long| !["help", "version"].contains(long)) {
                assert!(docs.contains(&format!("`--{long}")), "docs/cli.md lacks --{long}");
            }
            if let Some(variable) = arg.get_env() {
                assert!(
                    docs.contains(&format!("`{}`", variable.display())),
                    "docs/cli.md lacks {variable:?}"
                );
            }
        }
    }

    #[test]
    fn no_subcommand_seals_and_f_takes_names_that_are_commands() {
        let Ok(Command::Seal(options)) = command(&["mtk-seal", "a.env", "-f", "init"]) else {
            panic!("not sealing");
        };
        assert_eq!(options.files, [PathBuf::from("a.env"), PathBuf::from("init")]);
    }

    #[test]
    fn flags_that_do_not_go_together_are_usage_errors() {
        for args in [
            ["mtk-seal", "--tfvar=x", "--from=json"],
            ["mtk-seal", "-", "-"],
            ["mtk-seal", "--label=a=1", "--label=a=2"],
            ["mtk-seal", "-q", "--annotation=sealedsecrets.bitnami.com/cluster-wide=true"],
        ] {
            assert_eq!(command(&args).err().unwrap().exit, Exit::Usage, "{args:?}");
        }
    }
}
