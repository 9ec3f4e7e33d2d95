//! `mtk-seal unseal`: decrypts SealedSecrets offline, with the private keys.

mod items;
mod keys;
mod sealed;

use std::path::PathBuf;

use sealing::SealingKey;
use zeroize::Zeroizing;

pub(crate) use self::sealed::SealedOptions;
use self::{
    items::{UndecryptedItem, UndecryptedItems, Unsealer},
    sealed::{Sealed, SealedError},
};
use crate::{
    error::Failure,
    input::Input,
    output::{self, Audience, Destination, Format},
    report::Report,
    secret_manifest::SecretManifest,
};

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) sealed: SealedOptions,
    pub(crate) format: Format,
    pub(crate) to: Destination,
}

/// Reads the keys and files, decrypts, and writes the Secrets.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let keys = keys::load(&options.keys)?;
    let inputs = Input::read_all(&options.files, "SealedSecrets", report)?;
    let mut manifests = Vec::new();
    let mut undecrypted = Vec::new();
    for sealed in sealed::read(&inputs, &options.sealed, report)? {
        match unseal(&sealed, &keys)? {
            Ok(manifest) => manifests.push(manifest),
            Err(items) => undecrypted.extend(items),
        }
    }
    if !undecrypted.is_empty() {
        return Err(UndecryptedItems { items: undecrypted }.into());
    }
    let text = Zeroizing::new(output::render(&manifests, options.format)?);
    Ok(output::write(&options.to, text.as_bytes(), Audience::Owner, report)?)
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
