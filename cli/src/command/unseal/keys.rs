//! Private keys from files: PEM, key Secrets as a cluster holds them, and Lists of those.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sealing::{KeyError, SealingKey};

use crate::error::{Explain, hint};
use crate::exit::Exit;
use crate::source::input::{Input, InputError};
use crate::source::{self, SourceError};

/// The field of a key Secret with the private key.
const PRIVATE_KEY: &str = "tls.key";

/// The keys of all files, each once, in their order.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Vec<SealingKey>, KeysError> {
    let mut keys = Vec::new();
    for path in paths {
        let input = Input::file(path)?;
        if is_pem(input.bytes()) {
            keys.push(read(&input.name, input.bytes())?);
            continue;
        }
        let secrets = source::secrets(&input)?;
        let before = keys.len();
        for secret in secrets {
            if let Some(pem) = secret.data.get(PRIVATE_KEY) {
                // The certificate does not open anything, so it may be missing or broken.
                keys.push(read(&secret.origin, pem.expose())?);
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

fn read(name: &str, pem: &[u8]) -> Result<SealingKey, KeysError> {
    SealingKey::from_pem(pem, None)
        .map_err(|source| KeysError::Key { name: name.to_owned(), source })
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The key cannot be used.
    #[error("the key in {name} cannot be used: {source}")]
    Key {
        /// The file, and the line of the Secret.
        name: String,
        /// Why.
        source: KeyError,
    },
    /// There is no key in it.
    #[error("{name}: there is no private key in the file")]
    None {
        /// The file.
        name: String,
    },
    /// It is neither PEM nor manifests.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Explain for KeysError {
    fn exit(&self) -> Exit {
        Exit::Unseal
    }

    fn hints(&self) -> Vec<String> {
        let wanted = "a key is a PEM private key, or a Secret with `tls.key`, as `kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml` prints them";
        match self {
            Self::Input(_) => Vec::new(),
            Self::Key { .. } | Self::None { .. } | Self::Source(_) => hint(wanted),
        }
    }
}
