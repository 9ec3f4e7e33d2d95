//! `mtk-seal hook`: a pre-commit hook of git that runs `mtk-seal lint --staged`.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    args::HookArgs,
    error::{Explain, Failure, hint, root_cause},
    exit::Exit,
    git,
    report::Report,
};

/// A line that no other hook has.
const MARK: &str = "# Written by `mtk-seal hook install`.";

/// Installs or removes the hook.
pub(super) fn run(args: &HookArgs, report: &Report) -> Result<(), Failure> {
    let path = path()?;
    match args {
        HookArgs::Install { force } => install(&path, *force, report),
        HookArgs::Uninstall => uninstall(&path, report),
    }
}

/// Where git looks for the hook: `core.hooksPath`, or else the directory of the repository, which all
/// worktrees share.
fn path() -> Result<PathBuf, Failure> {
    let hooks = git::path(Path::new("."), &["rev-parse", "--git-path", "hooks"])?;
    Ok(hooks.join("pre-commit"))
}

fn install(path: &Path, force: bool, report: &Report) -> Result<(), Failure> {
    if owner(path)? == Owner::Other && !force {
        return Err(HookError::Other { path: path.to_owned(), verb: "overwrite" }.into());
    }
    write(path).map_err(|source| HookError::Io { path: path.to_owned(), source })?;
    report.note(&format!("wrote the hook `{}`", path.display()));
    Ok(())
}

fn uninstall(path: &Path, report: &Report) -> Result<(), Failure> {
    match owner(path)? {
        Owner::Nobody => report.note("no pre-commit hook is installed"),
        Owner::Other => {
            return Err(HookError::Other { path: path.to_owned(), verb: "remove" }.into());
        }
        Owner::Us => {
            fs::remove_file(path)
                .map_err(|source| HookError::Io { path: path.to_owned(), source })?;
            report.note(&format!("removed the hook `{}`", path.display()));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Owner {
    Nobody,
    Us,
    Other,
}

/// The writer of the hook. A link or a directory is not ours.
fn owner(path: &Path) -> Result<Owner, HookError> {
    let failed = |source| HookError::Io { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Owner::Nobody),
        Err(error) => Err(failed(error)),
        // Ours is short.
        Ok(metadata) if !metadata.is_file() || metadata.len() > 4096 => Ok(Owner::Other),
        Ok(_) => {
            let text = fs::read(path).map_err(failed)?;
            let is_ours = text.split(|b| *b == b'\n').any(|line| line == MARK.as_bytes());
            Ok(if is_ours { Owner::Us } else { Owner::Other })
        }
    }
}

fn script() -> String {
    format!(
        "#!/bin/sh\n{MARK}\n\
         if ! command -v mtk-seal >/dev/null; then\n  \
         echo 'mtk-seal is not on PATH: install it, or commit with --no-verify' >&2\n  \
         exit 1\n\
         fi\n\
         exec mtk-seal lint --staged --quiet\n"
    )
}

/// Replaces the hook atomically, so that a link is replaced and not followed.
fn write(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(0o755)
    };
    #[cfg(unix)]
    builder.permissions(permissions);
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(script().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Why the hook is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HookError {
    /// The operating system reported an error.
    #[error("cannot change the hook `{}`: {}", path.display(), root_cause(source))]
    Io {
        /// The hook.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// Another program or a person wrote the hook.
    #[error("mtk-seal did not write the hook `{}`, and does not {verb} it", path.display())]
    Other {
        /// The hook.
        path: PathBuf,
        /// The action that failed.
        verb: &'static str,
    },
}

impl Explain for HookError {
    fn exit(&self) -> Exit {
        Exit::Output
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } => Vec::new(),
            Self::Other { .. } => hint(
                "add the line `mtk-seal lint --staged` to it; `mtk-seal hook install --force` overwrites it",
            ),
        }
    }
}
