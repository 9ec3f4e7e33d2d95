//! Questions to git about the repository.
//!
//! A repository may come from someone else, so git runs without the file system monitor, which a
//! repository's configuration could set to any program.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use crate::{
    error::{Explain, hint, root_cause},
    exit::Exit,
};

/// More than the list of files of any repository.
const MAX_OUTPUT_BYTES: u64 = 256 * 1024 * 1024;

/// The output of a git command in a directory.
pub(crate) fn output(directory: &Path, args: &[&str]) -> Result<Zeroizing<Vec<u8>>, GitError> {
    bounded_output(directory, args, MAX_OUTPUT_BYTES)
}

/// The output of a git command. After `limit` bytes, git is stopped, and the output has one byte more.
pub(crate) fn bounded_output(
    directory: &Path,
    args: &[&str],
    limit: u64,
) -> Result<Zeroizing<Vec<u8>>, GitError> {
    let mut child = Command::new("git")
        .args(["-c", "core.fsmonitor=false"])
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(GitError::Missing)?;
    let mut bytes = Zeroizing::new(Vec::new());
    let read = match child.stdout.take() {
        Some(stdout) => stdout.take(limit + 1).read_to_end(&mut bytes),
        None => Ok(0),
    };
    let is_cut = bytes.len() as u64 > limit;
    if is_cut || read.is_err() {
        // It may have ended already.
        let _ = child.kill();
    }
    let status = child.wait().map_err(GitError::Missing)?;
    read.map_err(GitError::Missing)?;
    if status.success() || is_cut {
        Ok(bytes)
    } else {
        Err(GitError::Failed { command: args.first().copied().unwrap_or_default().to_owned() })
    }
}

/// A path that git printed on one line.
pub(crate) fn path(directory: &Path, args: &[&str]) -> Result<PathBuf, GitError> {
    let bytes = output(directory, args)?;
    Ok(directory.join(to_path(bytes.strip_suffix(b"\n").unwrap_or(&bytes))))
}

/// Paths that git printed with `-z`.
pub(crate) fn paths(directory: &Path, args: &[&str]) -> Result<Vec<PathBuf>, GitError> {
    let bytes = output(directory, args)?;
    Ok(bytes.split(|b| *b == 0).filter(|path| !path.is_empty()).map(to_path).collect())
}

#[cfg(unix)]
fn to_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn to_path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// The command failed, most often because there is no repository.
    #[error("`git {command}` failed")]
    Failed {
        /// The command of git.
        command: String,
    },
    /// git cannot be run.
    #[error("cannot run git: {}", root_cause(.0))]
    Missing(io::Error),
}

impl Explain for GitError {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Failed { .. } => hint("run this in a git repository that belongs to you"),
            Self::Missing(_) => hint("install git, or check files with `mtk-seal lint PATH`"),
        }
    }
}
