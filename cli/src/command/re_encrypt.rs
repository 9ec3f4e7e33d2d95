//! `mtk-seal re-encrypt`: seals items again for the newest key, offline.
//!
//! Each file is read, decrypted, sealed, edited and replaced by one thread, so memory depends on the number
//! of cores only. A file that fails stays as it is.

mod error;
mod file;
mod newest;

use std::{
    collections::HashSet,
    fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use self::{
    error::{FailedFile, ReEncryptError},
    file::{Outcome, Worker},
};
use super::{items::Selection, usage::project_choice};
use crate::{
    args::ReEncryptArgs,
    certificate::{self, Source},
    cluster::Access,
    error::Failure,
    input::InputError,
    manifest_files, project,
    report::Report,
    unsealing,
};

/// The validated arguments.
pub(crate) struct Options {
    paths: Vec<PathBuf>,
    keys: Vec<PathBuf>,
    all: bool,
    dry_run: bool,
    selection: Selection,
    certificate: certificate::Options,
    project: project::Choice,
}

impl From<ReEncryptArgs> for Options {
    fn from(args: ReEncryptArgs) -> Self {
        Self {
            paths: args.paths,
            keys: args.keys.key,
            all: args.all,
            dry_run: args.dry_run,
            selection: Selection {
                name: args.name,
                namespace: args.namespace,
                scope: None,
                path: None,
            },
            certificate: certificate::Options {
                source: args.cert.map(|cert| Source::parse(&cert, None)),
                insecure_http: args.insecure_http,
                access: Access::default(),
            },
            project: project_choice(args.project, args.environment.env),
        }
    }
}

/// A file to look at.
struct Task {
    path: PathBuf,
    /// Whether a directory contains it, beside files that may be anything.
    is_found: bool,
}

/// Reads the keys, and handles all files.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let mut keys = unsealing::load_keys(&options.keys)?;
    let project = project::find(&options.project)?;
    let newest = newest::certificate(&options.certificate, &keys, project.as_ref())?;
    report.note(&newest.describe());
    // Most items are sealed for the newest key, so it is tried first.
    keys.sort_by_key(|key| key.fingerprint() != newest.certificate.fingerprint());
    let worker = Worker {
        keys: &keys,
        certificate: &newest.certificate,
        selection: &options.selection,
        project: project.as_ref(),
        all: options.all,
        dry_run: options.dry_run,
        report,
    };
    let (tasks, unreadable) = tasks(&options.paths);
    let results = in_parallel(&tasks, &worker, report);
    summarize(&tasks, results, unreadable, options.dry_run, report)
}

/// The files, each one once, and the directories that cannot be read.
fn tasks(paths: &[PathBuf]) -> (Vec<Task>, Vec<FailedFile>) {
    let (mut tasks, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let found = manifest_files::below(path);
            tasks.extend(found.files.into_iter().map(|path| Task { path, is_found: true }));
            let failed =
                |(path, error): (PathBuf, InputError)| FailedFile { path, failure: error.into() };
            unreadable.extend(found.unreadable.into_iter().map(failed));
        } else {
            tasks.push(Task { path: path.clone(), is_found: false });
        }
    }
    let mut seen = HashSet::new();
    tasks.retain(|task| {
        seen.insert(fs::canonicalize(&task.path).unwrap_or_else(|_| task.path.clone()))
    });
    (tasks, unreadable)
}

/// The results of all files, in order.
fn in_parallel(
    tasks: &[Task],
    worker: &Worker<'_>,
    report: &Report,
) -> Vec<Result<Outcome, Failure>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(tasks.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(tasks.len());
    let work = || {
        while let Some((index, task)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            tasks.get(index).map(|task| (index, task))
        } {
            let result = worker.handle(&task.path, task.is_found);
            // No thread panics while it holds the lock.
            if let Ok(mut results) = results.lock() {
                results.push((index, result));
                report.progress(results.len(), tasks.len());
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn summarize(
    tasks: &[Task],
    results: Vec<Result<Outcome, Failure>>,
    unreadable: Vec<FailedFile>,
    dry_run: bool,
    report: &Report,
) -> Result<(), Failure> {
    let mut failed = unreadable;
    let (mut changed, mut files, mut kept) = (0, 0, 0);
    for (task, result) in tasks.iter().zip(results) {
        match result {
            Ok(outcome) => {
                changed += outcome.changed;
                files += usize::from(outcome.changed > 0);
                kept += outcome.kept;
            }
            Err(failure) => failed.push(FailedFile { path: task.path.clone(), failure }),
        }
    }
    let verb = if dry_run { "would re-encrypt" } else { "re-encrypted" };
    report.note(&format!(
        "{verb} {} in {}; {} sealed for this key already",
        plural(changed, "item"),
        plural(files, "file"),
        if kept == 1 { "1 is".to_owned() } else { format!("{kept} are") }
    ));
    if failed.is_empty() { Ok(()) } else { Err(ReEncryptError::Failed { files: failed }.into()) }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
