//! `mtk-seal explain`: which items of SealedSecrets do not open and why, offline.
//!
//! `object` reads the SealedSecrets, `place` lists the names that an item may be sealed for, `search`
//! tries them with the keys, `outcome` explains the result, and `render` writes it.

mod object;
mod outcome;
mod place;
mod render;
mod search;

use std::path::PathBuf;

use self::{
    outcome::{Explained, GET_KEYS, plural},
    place::Known,
    search::Search,
};
use super::{key_size, usage::project_choice};
use crate::{
    args::{ExplainArgs, ExplainFormat},
    error::{Explain, Failure},
    exit::Exit,
    input::Input,
    output, project,
    report::Report,
    unsealing::{self, SealedError},
};

/// The validated arguments.
pub(crate) struct Options {
    files: Vec<PathBuf>,
    keys: Vec<PathBuf>,
    names: Vec<String>,
    namespaces: Vec<String>,
    certificate: Option<PathBuf>,
    format: ExplainFormat,
    project: project::Choice,
}

impl From<ExplainArgs> for Options {
    fn from(args: ExplainArgs) -> Self {
        Self {
            files: args.files,
            keys: args.keys.key,
            names: args.try_name,
            namespaces: args.try_namespace,
            certificate: args.cert,
            format: args.output,
            project: project_choice(args.project, None),
        }
    }
}

/// Explains each item. Fails if one does not open, or without keys, if something is wrong.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    let certificate = key_size::of_files(options.certificate.as_deref(), project.as_ref())?;
    let keys = unsealing::load_keys(&options.keys)?;
    let mut known = Known::given(options.names.clone(), options.namespaces.clone());
    let inputs = Input::read_all(&options.files, "SealedSecrets", report)?;
    let mut objects = Vec::new();
    for input in &inputs {
        objects.extend(object::read(input, &mut known)?);
    }
    if objects.is_empty() {
        return Err(SealedError::None.into());
    }
    if let Some(project) = &project {
        known.add_project(project);
    }
    let mut search = Search::new(&keys, certificate, &known);
    let explained: Vec<_> = objects.into_iter().map(|object| search.explain(object)).collect();
    output::write_stdout(render::render(&explained, options.format)?.as_bytes())?;
    if search.is_cut() {
        report.warning("some items were not tried under all names, because there are too many");
        report.hint("explain fewer files, or set `--try-name` and `--try-namespace`");
    }
    conclude(&explained, !keys.is_empty(), report)
}

fn conclude(all: &[Explained], with_keys: bool, report: &Report) -> Result<(), Failure> {
    let items = || all.iter().flat_map(|one| &one.outcomes);
    let failed = items().filter(|outcome| outcome.is_failure()).count();
    let total = items().count();
    if with_keys {
        return match failed {
            0 => {
                report.note(&format!("{} open", plural(total, "item")));
                Ok(())
            }
            failed => Err(Unopened { failed, total }.into()),
        };
    }
    match failed + all.iter().map(|one| one.object.problems.len()).sum::<usize>() {
        0 => {
            report.note("only private keys show whether the items open: set `--key keys.yaml`");
            report.note(GET_KEYS);
            Ok(())
        }
        problems => Err(Problems(problems).into()),
    }
}

/// Items that do not open.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {} not open", if *total == 1 { "1 item does".to_owned() } else { format!("{total} items do") })]
struct Unopened {
    failed: usize,
    total: usize,
}

impl Explain for Unopened {
    fn exit(&self) -> Exit {
        Exit::Failure
    }
}

/// The number of problems that the files show without keys.
#[derive(Debug, thiserror::Error)]
#[error("explain found {}", plural(*.0, "problem"))]
struct Problems(usize);

impl Explain for Problems {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "with `--key keys.yaml`, this command also shows whether the items open".to_owned(),
            GET_KEYS.to_owned(),
        ]
    }
}
