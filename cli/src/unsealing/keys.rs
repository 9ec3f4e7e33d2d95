//! Reads private keys from files: PEM, key Secrets from a cluster, and Lists of key Secrets.

use std::{collections::BTreeSet, path::PathBuf};

use sealing::{KeyError, SealingKey};
use sources::{SecretBytes, SourceError};

use crate::{
    error::{Explain, hint},
    exit::Exit,
    input::{Input, InputError},
};

/// The key of a key Secret that contains the private key.
const PRIVATE_KEY_FIELD: &str = "tls.key";
/// The key of a key Secret that contains the certificate.
const CERTIFICATE_FIELD: &str = "tls.crt";

/// The keys in all files, in order, without duplicates.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Vec<SealingKey>, KeysError> {
    let mut keys = Vec::new();
    for path in paths {
        let input = Input::file(path)?;
        if is_pem(input.bytes()) {
            keys.push(read(&input.name, input.bytes(), Some(input.bytes()))?);
            continue;
        }
        let secrets = sources::secrets(input.source()?)?;
        let before = keys.len();
        for secret in secrets {
            if let Some(pem) = secret.data.get(PRIVATE_KEY_FIELD) {
                let certificate = secret.data.get(CERTIFICATE_FIELD).map(SecretBytes::expose);
                keys.push(read(&secret.origin, pem.expose(), certificate)?);
            }
        }
        if keys.len() == before {
            return Err(KeysError::None { name: input.name });
        }
    }
    let mut seen = BTreeSet::new();
    keys.retain(|key| seen.insert(key.fingerprint().clone()));
    Ok(keys)
}

fn is_pem(bytes: &[u8]) -> bool {
    bytes.split(|b| *b == b'\n').any(|line| line.starts_with(b"-----BEGIN "))
}

/// Decryption does not need the certificate, so it may be missing or broken.
fn read(name: &str, pem: &[u8], certificate: Option<&[u8]>) -> Result<SealingKey, KeysError> {
    certificate
        .and_then(|certificate| SealingKey::from_pem(pem, Some(certificate)).ok())
        .map_or_else(|| SealingKey::from_pem(pem, None), Ok)
        .map_err(|source| KeysError::Key { name: name.to_owned(), source })
}

/// Why the keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The key cannot be used.
    #[error("cannot use the key in {name}: {source}")]
    Key {
        /// The file and the line of the Secret.
        name: String,
        /// The reason.
        source: KeyError,
    },
    /// The file contains no key.
    #[error("{name}: no private key in the file")]
    None {
        /// The file.
        name: String,
    },
    /// The file contains neither PEM nor manifests.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Explain for KeysError {
    fn exit(&self) -> Exit {
        Exit::Unseal
    }

    fn hints(&self) -> Vec<String> {
        let format = "a key is a PEM private key, or a Secret with `tls.key`; `kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml` prints the keys of a cluster";
        match self {
            Self::Input(InputError::Unreadable { .. } | InputError::TooLarge { .. }) => Vec::new(),
            Self::Input(InputError::NotUtf8 { .. })
            | Self::Key { .. }
            | Self::None { .. }
            | Self::Source(_) => hint(format),
        }
    }
}
