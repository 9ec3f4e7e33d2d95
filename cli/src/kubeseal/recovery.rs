//! `--recovery-unseal`: decrypts SealedSecrets offline.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{error::KubesealError, options::Options};
use crate::{
    error::{Explain as _, Failure},
    output::{self, Audience},
    report::Report,
    unsealing::{self, SealedOptions},
};

/// Decrypts all SealedSecrets of the input with the keys of these files.
pub(super) fn run(options: &Options, keys: &[PathBuf], report: &Report) -> Result<(), Failure> {
    if keys.is_empty() {
        return Err(KubesealError::NoRecoveryKey.into());
    }
    let input = options.read("SealedSecrets", report)?;
    let keys = unsealing::load_keys(keys)?;
    let sealed = SealedOptions { skip_others: false, name: None, namespace: None };
    let opened = unsealing::open(&[input], &sealed, &keys, report)?;
    let secrets = opened.map_err(|items| Failure {
        details: items.details(),
        hints: items.hints(),
        ..KubesealError::NoKey(items.keys().join(", ")).into()
    })?;
    let text = Zeroizing::new(output::render(&secrets, options.format)?);
    Ok(output::write(&options.to, text.as_bytes(), Audience::Owner, report)?)
}
