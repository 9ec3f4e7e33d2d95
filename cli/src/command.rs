//! The subcommands, one file each. This module validates the arguments before any I/O.

mod cert;
mod diff;
mod explain;
mod hook;
mod init;
mod items;
mod key_size;
mod lint;
mod plan;
mod re_encrypt;
mod seal;
mod shell;
mod template;
mod unseal;
mod usage;
mod validate;

use std::{collections::BTreeMap, path::PathBuf};

use sources::{ReadOptions, SourceKind};

use self::usage::{UsageError, certificate_options, environments, project_choice, source_kind};
use crate::{
    args::{Args, CommandArgs, HookArgs, PlanArgs, PlanFormat, PlanMode, SealArgs},
    certificate::Source,
    error::Failure,
    output::{Destination, Format},
    report::Report,
    scope::is_scope_annotation,
    target::TargetOptions,
    unsealing::SealedOptions,
};

/// A validated command.
pub(crate) enum Command {
    /// `mtk-seal cert`
    Cert(cert::Options),
    /// `mtk-seal completions`
    Completions(clap_complete::Shell),
    /// `mtk-seal diff`
    Diff(diff::Options),
    /// `mtk-seal explain`
    Explain(explain::Options),
    /// `mtk-seal hook`
    Hook(HookArgs),
    /// `mtk-seal init`
    Init(init::Options),
    /// `mtk-seal set`, `unset`, `rename`, `merge`
    Items(Box<items::Options>),
    /// `mtk-seal lint`
    Lint(lint::Options),
    /// `mtk-seal re-encrypt`
    ReEncrypt(Box<re_encrypt::Options>),
    /// `mtk-seal man`
    Man(Option<String>),
    /// `mtk-seal plan`
    Plan(plan::Options),
    /// `mtk-seal`
    Seal(Box<seal::Options>),
    /// `mtk-seal template`
    Template(template::Options),
    /// `mtk-seal unseal`
    Unseal(unseal::Options),
    /// `mtk-seal validate`
    Validate(validate::Options),
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Cert(options) => cert::run(&options, report),
            Self::Completions(shell) => shell::completions(shell),
            Self::Diff(options) => diff::run(&options, report),
            Self::Explain(options) => explain::run(&options, report),
            Self::Hook(args) => hook::run(&args, report),
            Self::Init(options) => init::run(&options, report),
            Self::Items(options) => items::run(*options, report),
            Self::ReEncrypt(options) => re_encrypt::run(&options, report),
            Self::Lint(options) => lint::run(&options, report),
            Self::Man(command) => shell::man(command.as_deref()),
            Self::Plan(options) => plan::run(&options, report),
            Self::Seal(options) => seal::run(&options, report),
            Self::Template(options) => template::run(&options, report),
            Self::Unseal(options) => unseal::run(&options, report),
            Self::Validate(options) => validate::run(&options, report),
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
                    project: project_choice(args.project, args.environment.env),
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
            Some(CommandArgs::ReEncrypt(args)) => Self::ReEncrypt(Box::new(args.into())),
            Some(CommandArgs::Items(args)) => Self::Items(Box::new(items::options(args)?)),
            Some(CommandArgs::Diff(args)) => Self::Diff(args.into()),
            Some(CommandArgs::Explain(args)) => {
                check_one_stdin(args.files.iter().chain(&args.keys.key))?;
                Self::Explain(args.into())
            }
            Some(CommandArgs::Hook(args)) => Self::Hook(args),
            Some(CommandArgs::Lint(args)) => Self::Lint(args.into()),
            Some(CommandArgs::Man { command }) => Self::Man(command),
            Some(CommandArgs::Plan(args)) => Self::Plan(plan_options(args)?),
            Some(CommandArgs::Template(args)) => {
                check_one_stdin(args.files.iter().chain(&args.values))?;
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
                check_one_stdin(&args.files)?;
                Self::Unseal(unseal::Options {
                    files: args.files,
                    keys: args.keys.key,
                    sealed: SealedOptions {
                        skip_others: args.skip_others,
                        name: args.name,
                        namespace: args.namespace,
                    },
                    format: Format::choose(args.output.output, &to),
                    to,
                })
            }
            Some(CommandArgs::Validate(args)) => {
                check_one_stdin(&args.files)?;
                Self::Validate(args.into())
            }
        })
    }
}

fn plan_options(args: PlanArgs) -> Result<plan::Options, UsageError> {
    check_one_stdin(&args.files)?;
    let by_queue = if args.event_queue.is_empty() { PlanMode::Lists } else { PlanMode::Events };
    Ok(plan::Options {
        files: args.files,
        content: match args.output {
            _ if args.policy => plan::Content::Policies,
            PlanFormat::Table => plan::Content::Table,
            PlanFormat::Json => plan::Content::Json,
        },
        mode: match args.mode.unwrap_or(by_queue) {
            PlanMode::Events => plan::Mode::Events,
            PlanMode::Lists => plan::Mode::Lists,
            PlanMode::Batches => plan::Mode::Batches,
        },
        account: args.account,
        kms_keys: args.kms_key,
        event_queues: args.event_queue,
        secrets_in_account: args.secrets_in_account,
        min_list_interval: args.min_list_interval,
        changes_per_month: args.changes_per_month,
        values_per_find: args.values_per_find,
    })
}

fn seal_options(args: SealArgs) -> Result<seal::Options, UsageError> {
    let target = args.target;
    let kind = match (args.from.map(source_kind), &args.tfvar) {
        (None, Some(_)) => Some(SourceKind::Tfvars),
        (Some(kind), Some(_)) if kind != SourceKind::Tfvars => {
            return Err(UsageError::TfvarWithOtherFormat);
        }
        (kind, _) => kind,
    };
    check_one_stdin(args.files.iter().chain(&args.file))?;
    Ok(seal::Options {
        files: args.files.into_iter().chain(args.file).collect(),
        reading: ReadOptions { kind, variable: args.tfvar, skip_others: args.skip_others },
        target: TargetOptions {
            name: target.name,
            namespace: target.namespace,
            scope: target.scope,
            type_: target.type_,
            labels: unique_pairs("--label", target.label)?,
            annotations: unique_pairs("--annotation", target.annotation)?,
            allow_empty: args.allow_empty,
        },
        sealed_labels: unique_pairs("--sealed-label", target.sealed_label)?,
        sealed_annotations: unique_pairs("--sealed-annotation", target.sealed_annotation)?,
        format: args.output.output,
        to: args.output.write.map(|path| Destination::from_flag(Some(path))),
        fresh: args.fresh,
        certificate: certificate_options(args.cert, None, args.cluster),
        project: project_choice(args.project, None),
        environments: environments(args.environments),
    })
}

fn unique_pairs(
    flag: &'static str,
    given: Vec<(String, String)>,
) -> Result<BTreeMap<String, String>, UsageError> {
    let mut map = BTreeMap::new();
    for (key, value) in given {
        if is_scope_annotation(&key) {
            return Err(UsageError::ScopeAnnotation { key });
        }
        if map.insert(key.clone(), value).is_some() {
            return Err(UsageError::DuplicateKey { flag, key });
        }
    }
    Ok(map)
}

fn check_one_stdin<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), UsageError> {
    match files.into_iter().filter(|path| path.as_os_str() == "-").count() {
        0 | 1 => Ok(()),
        _ => Err(UsageError::StdinTwice),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::exit::Exit;

    fn command(args: &[&str]) -> Result<Command, Failure> {
        Command::try_from(Args::try_parse_from(args).unwrap())
    }

    #[test]
    fn arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_and_variables_are_documented() {
        let docs = include_str!("../../docs/cli.md");
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
    fn file_flag_accepts_names_of_subcommands() {
        let Ok(Command::Seal(options)) = command(&["mtk-seal", "a.env", "-f", "init"]) else {
            panic!("not sealing");
        };
        assert_eq!(options.files, [PathBuf::from("a.env"), PathBuf::from("init")]);
    }

    #[test]
    fn conflicting_flags_are_usage_errors() {
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
