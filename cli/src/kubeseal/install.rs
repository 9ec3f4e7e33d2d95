//! `--install`: creates the link by which this program is called as `kubeseal`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{error::KubesealError, flag::PROGRAM};
use crate::{
    error::{Failure, root_cause, shown},
    report::Report,
};

/// Creates the link. A link to this program may exist; any other file is an error.
pub(super) fn run(directory: &Path, report: &Report) -> Result<(), Failure> {
    let link = directory.join(PROGRAM);
    let failed =
        |error: &io::Error| KubesealError::Install { link: shown(&link), cause: root_cause(error) };
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    match create(&program, &link) {
        Ok(()) => report.note(&format!("`{}` is now `{}`", shown(&link), program.display())),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && leads_to(&link, &program) => {
            report.note(&format!("`{}` is this program already", shown(&link)));
        }
        Err(error) => return Err(failed(&error).into()),
    }
    Ok(())
}

fn leads_to(link: &Path, program: &Path) -> bool {
    let target = |path: &Path| -> Option<PathBuf> { fs::canonicalize(path).ok() };
    target(link).is_some_and(|target_of_link| Some(target_of_link) == target(program))
}

#[cfg(unix)]
fn create(program: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, link)
}

#[cfg(windows)]
fn create(program: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(program, link)
}
