//! Decrypts SealedSecrets offline, with private keys from files.

mod items;
mod keys;
mod sealed;

use sealing::SealingKey;

pub(crate) use self::{
    items::UndecryptedItems,
    keys::load as load_keys,
    sealed::{SealedError, SealedOptions},
};
use self::{
    items::{UndecryptedItem, Unsealer},
    sealed::Sealed,
};
use crate::{input::Input, report::Report, secret_manifest::SecretManifest};

/// The Secrets of all SealedSecrets in the inputs, or the items that cannot be decrypted.
pub(crate) fn open(
    inputs: &[Input],
    options: &SealedOptions,
    keys: &[SealingKey],
    report: &Report,
) -> Result<Result<Vec<SecretManifest>, UndecryptedItems>, SealedError> {
    let mut manifests = Vec::new();
    let mut undecrypted = Vec::new();
    for sealed in sealed::read(inputs, options, report)? {
        match unseal(&sealed, keys)? {
            Ok(manifest) => manifests.push(manifest),
            Err(items) => undecrypted.extend(items),
        }
    }
    Ok(if undecrypted.is_empty() {
        Ok(manifests)
    } else {
        Err(UndecryptedItems { items: undecrypted })
    })
}

/// The Secret, or the items that cannot be decrypted. Its name and namespace are those of the
/// SealedSecret, not of the template.
fn unseal(
    sealed: &Sealed,
    keys: &[SealingKey],
) -> Result<Result<SecretManifest, Vec<UndecryptedItem>>, SealedError> {
    let unsealer = Unsealer { sealed, scope: sealed.resource.scope(), keys };
    let spec = &sealed.resource.spec;
    let content = match spec.data.as_deref().filter(|_| spec.encrypted_data.is_empty()) {
        Some(data) => match unsealer.decrypt("spec.data", data) {
            Ok(plaintext) => sealed.legacy_secret(&plaintext)?,
            Err(item) => return Ok(Err(vec![item])),
        },
        None => match unsealer.decrypt_all(&spec.encrypted_data) {
            Ok(items) => sealed.secret(items)?,
            Err(items) => return Ok(Err(items)),
        },
    };
    Ok(Ok(SecretManifest::new(content, &sealed.name, &sealed.namespace)))
}
