//! A file with SealedSecrets that is edited in place.
//!
//! A symbolic link is followed only within the repository, because a repository may come from someone
//! else. The file must be a regular file, and is replaced atomically.

use std::{
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
};

use manifests::{EditError, Manifest};

use crate::{
    error::{Explain, Failure, hint, root_cause},
    exit::Exit,
    input::{Input, InputError},
    output::{self, Audience, Destination},
    report::Report,
};

/// A file with SealedSecrets.
pub(crate) struct SealedFile {
    /// Its name in messages.
    pub(crate) name: String,
    /// The file itself, behind links.
    path: PathBuf,
    input: Input,
}

impl SealedFile {
    /// Opens and reads a file.
    pub(crate) fn open(path: &Path) -> Result<Self, SealedFileError> {
        let name = path.display().to_string();
        let failed = |source| SealedFileError::Unreadable { name: name.clone(), source };
        let real = fs::canonicalize(path).map_err(failed)?;
        if !is_within(path, &real).map_err(failed)? {
            return Err(SealedFileError::Link { name, target: real.display().to_string() });
        }
        let file = open_regular(&real)
            .map_err(failed)?
            .ok_or_else(|| SealedFileError::NotAFile { name: name.clone() })?;
        let input = Input::opened(file, path)?;
        input.text()?;
        Ok(Self { name, path: real, input })
    }

    /// The text, with its byte-order mark.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.input.bytes()).unwrap_or_default()
    }

    /// The content.
    pub(crate) fn input(&self) -> &Input {
        &self.input
    }

    /// The documents of the file.
    pub(crate) fn manifest(&self) -> Result<Manifest<'_>, SealedFileError> {
        Manifest::parse(self.text()).map_err(|error| self.error(error))
    }

    /// An error of the text.
    pub(crate) fn error(&self, error: EditError) -> SealedFileError {
        SealedFileError::edit(&self.name, error)
    }

    /// Replaces the file, unless another program has changed it since it was opened.
    pub(crate) fn replace(&self, text: &str, report: &Report) -> Result<(), Failure> {
        let failed = |source| SealedFileError::Unreadable { name: self.name.clone(), source };
        let now = open_regular(&self.path).map_err(failed)?;
        let now = now.map(|file| Input::opened(file, &self.path)).transpose()?;
        if now.is_none_or(|now| now.bytes() != self.input.bytes()) {
            return Err(SealedFileError::Changed { name: self.name.clone() }.into());
        }
        let to = Destination::File(self.path.clone());
        Ok(output::write(&to, text.as_bytes(), Audience::Everyone, report)?)
    }
}

/// Reads a regular file. None if it cannot be read, or is anything else.
pub(crate) fn read_regular(path: &Path) -> Option<Input> {
    let real = fs::canonicalize(path).ok()?;
    Input::opened(open_regular(&real).ok()??, path).ok()
}

/// Whether no link leads from the path out of the repository. The file may be missing.
pub(crate) fn is_inside(path: &Path) -> bool {
    let mut ancestors = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    let Some(existing) = ancestors.find(|path| fs::symlink_metadata(path).is_ok()) else {
        return true;
    };
    let real = fs::canonicalize(existing);
    real.and_then(|real| is_within(existing, &real)).unwrap_or(false)
}

/// Opens a regular file. None for anything else. Pipes and devices are not waited for.
fn open_regular(path: &Path) -> io::Result<Option<File>> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Whether the path has no link, or leads to a file in the same repository. Without a repository, the
/// working directory counts if the path is below it, and otherwise the directory of the path.
fn is_within(path: &Path, real: &Path) -> io::Result<bool> {
    let here = std::env::current_dir()?;
    let written = without_dots(&here.join(path));
    if written == real {
        return Ok(true);
    }
    let directory = written.parent().unwrap_or(&written);
    let repository = directory.ancestors().find(|directory| directory.join(".git").exists());
    let below_here = written.starts_with(&here).then_some(here.as_path());
    let root = repository.or(below_here).unwrap_or(directory);
    Ok(real.starts_with(fs::canonicalize(root)?))
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Why a file cannot be edited. It is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealedFileError {
    /// Another program has changed the file in the meantime.
    #[error("{name}: another program changed the file in the meantime")]
    Changed {
        /// The file.
        name: String,
    },
    /// The text does not allow the edit.
    #[error("{}: {source}", place(file, source.line))]
    Edit {
        /// The file.
        file: String,
        /// The problem.
        source: EditError,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A symbolic link leads out of the repository.
    #[error("{name}: a symbolic link leads out of the repository, to `{target}`")]
    Link {
        /// The path.
        name: String,
        /// Where it leads.
        target: String,
    },
    /// A directory, a pipe or a device.
    #[error("{name}: not a regular file")]
    NotAFile {
        /// The path.
        name: String,
    },
    /// The operating system reported an error.
    #[error("cannot open `{name}`: {}", root_cause(source))]
    Unreadable {
        /// The path.
        name: String,
        /// The error.
        source: io::Error,
    },
}

impl SealedFileError {
    pub(crate) fn edit(file: &str, source: EditError) -> Self {
        Self::Edit { file: file.to_owned(), source }
    }
}

fn place(file: &str, line: Option<usize>) -> String {
    line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
}

impl Explain for SealedFileError {
    fn exit(&self) -> Exit {
        match self {
            Self::Changed { .. } => Exit::Output,
            Self::Edit { .. }
            | Self::Input(_)
            | Self::Link { .. }
            | Self::NotAFile { .. }
            | Self::Unreadable { .. } => Exit::Input,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Changed { .. } => hint("run the command again"),
            Self::Edit { source, .. } => source.problem.remedy().into_iter().collect(),
            Self::Input(error) => error.hints(),
            Self::Link { .. } => hint("give the path of the file itself, if it is yours"),
            Self::NotAFile { .. } => {
                hint("edits need a file; `mtk-seal re-encrypt` also takes directories")
            }
            Self::Unreadable { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_another_program_changed_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealed.yaml");
        fs::write(&path, "a: 1").unwrap();
        let file = SealedFile::open(&path).unwrap();
        fs::write(&path, "a: 2").unwrap();
        let failure = file.replace("a: 3", &Report::new(true)).unwrap_err();
        assert!(failure.cause.contains("changed the file in the meantime"), "{}", failure.cause);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2");
    }

    #[test]
    fn dots_in_paths_are_resolved_without_the_file_system() {
        assert_eq!(without_dots(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(without_dots(Path::new("/../a")), Path::new("/a"));
    }
}
