//! Reads a certificate from a file.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::source::MAX_CERTIFICATE_BYTES;
use crate::{
    error::{Explain, hint, root_cause, shown},
    exit::Exit,
    input,
    trust::{self, OpenError, Untrusted},
};

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    bounded(path, input::open(path).map_err(|source| unreadable(path, source))?)
}

/// Reads the file, unless other users can change it.
pub(crate) fn read_checked(path: &Path) -> Result<Vec<u8>, FileError> {
    let file = trust::open(path).map_err(|error| match error {
        OpenError::Io(source) => unreadable(path, source),
        OpenError::Untrusted(problem) => FileError::Untrusted { path: path.to_owned(), problem },
    })?;
    bounded(path, file)
}

fn bounded(path: &Path, file: File) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(MAX_CERTIFICATE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > MAX_CERTIFICATE_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

fn unreadable(path: &Path, source: io::Error) -> FileError {
    FileError::Unreadable { path: path.to_owned(), source }
}

/// Why the file gives no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The file is larger than any certificate.
    #[error("the certificate `{}` is larger than 1 MiB", shown(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The operating system reported an error.
    #[error("cannot read the certificate `{}`: {}", shown(path), root_cause(source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// Another user can change the file.
    #[error("the certificate `{}` {problem}", shown(path))]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why it is not trusted.
        problem: Untrusted,
    },
}

impl Explain for FileError {
    fn exit(&self) -> Exit {
        match self {
            Self::TooLarge { .. } | Self::Unreadable { .. } => Exit::CertificateUnavailable,
            Self::Untrusted { .. } => Exit::CertificateRefused,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => hint(
                "`mtk-seal init` saves the cluster's certificate; `mtk-seal cert --cluster` prints it",
            ),
            Self::TooLarge { .. } => Vec::new(),
            Self::Untrusted { path, problem } => {
                let mut hints =
                    vec!["the certificate decides who can decrypt what you seal".to_owned()];
                hints.extend(problem.remedy(path));
                hints.push(format!("if you trust the file, use `--cert {}`", path.display()));
                hints
            }
        }
    }
}
