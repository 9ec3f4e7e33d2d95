//! Why files cannot be re-encrypted.

use std::path::PathBuf;

use sealing::{CertificateError, SealError};

use crate::{
    error::{Explain, Failure, hint},
    exit::Exit,
};

/// Why files cannot be re-encrypted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReEncryptError {
    /// The newest certificate of the key Secrets is expired.
    #[error("cannot seal for the newest of the keys: {source}")]
    Expired {
        /// Why.
        source: CertificateError,
    },
    /// Some files failed.
    #[error("cannot re-encrypt {}", if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) })]
    Failed {
        /// The files.
        files: Vec<FailedFile>,
    },
    /// The certificate is unknown.
    #[error("no certificate to seal for: the keys have none")]
    NoCertificate,
    /// A file of the command line has no SealedSecret.
    #[error("{file}: no SealedSecret in the file")]
    NoSealedSecret {
        /// The file.
        file: String,
    },
    /// A value cannot be sealed.
    #[error("cannot seal `{key}`: {source}")]
    Seal {
        /// The key.
        key: String,
        /// Why.
        source: SealError,
    },
    /// Some items cannot be opened.
    #[error("cannot decrypt {}", items.iter().map(UnopenedItem::to_string).collect::<Vec<_>>().join("; "))]
    Unopened {
        /// The items.
        items: Vec<UnopenedItem>,
    },
}

/// A file, and why it is unchanged.
#[derive(Debug)]
pub(super) struct FailedFile {
    pub(super) path: PathBuf,
    pub(super) failure: Failure,
}

/// An item that no key opens.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` on line {line}: {reason}")]
pub(super) struct UnopenedItem {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) reason: String,
}

impl Explain for ReEncryptError {
    fn exit(&self) -> Exit {
        match self {
            Self::Expired { .. } => Exit::CertificateRefused,
            Self::NoCertificate => Exit::CertificateUnavailable,
            Self::NoSealedSecret { .. } => Exit::Input,
            Self::Seal { .. } => Exit::Failure,
            Self::Unopened { .. } => Exit::Unseal,
            Self::Failed { files } => {
                let mut exits = files.iter().map(|file| file.failure.exit);
                let first = exits.next().unwrap_or(Exit::Failure);
                if exits.all(|exit| exit == first) { first } else { Exit::Failure }
            }
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Failed { files } => files
                .iter()
                .map(|FailedFile { path, failure }| {
                    let (path, cause) = (path.display().to_string(), &failure.cause);
                    if cause.contains(&path) { cause.clone() } else { format!("{path}: {cause}") }
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Expired { .. } => {
                hint("`--cert` names another certificate; the controller should create a new key")
            }
            Self::NoCertificate => {
                hint("give key Secrets, which contain the certificate, or `--cert`")
            }
            Self::Unopened { .. } => hint(
                "give all keys of the cluster, including the newest; an item also fails if its name, namespace or scope changed after sealing",
            ),
            Self::NoSealedSecret { .. } | Self::Seal { .. } => Vec::new(),
            Self::Failed { files } => {
                let mut hints: Vec<_> =
                    files.iter().flat_map(|file| file.failure.hints.clone()).collect();
                hints.sort();
                hints.dedup();
                hints
            }
        }
    }
}
