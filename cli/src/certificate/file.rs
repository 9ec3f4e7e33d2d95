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
};

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_CERTIFICATE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
    if bytes.len() as u64 > MAX_CERTIFICATE_BYTES {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
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
}

impl Explain for FileError {
    fn exit(&self) -> Exit {
        Exit::CertificateUnavailable
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { .. } => hint(
                "`mtk-seal init` saves the cluster's certificate; `mtk-seal cert --cluster` prints it",
            ),
            Self::TooLarge { .. } => Vec::new(),
        }
    }
}
