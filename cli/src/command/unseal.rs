//! `mtk-seal unseal`: decrypts SealedSecrets offline, with the private keys.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::{
    error::Failure,
    input::Input,
    output::{self, Audience, Destination, Format},
    report::Report,
    unsealing::{self, SealedOptions},
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
    let keys = unsealing::load_keys(&options.keys)?;
    let inputs = Input::read_all(&options.files, "SealedSecrets", report)?;
    let manifests = unsealing::open(&inputs, &options.sealed, &keys, report)??;
    let text = Zeroizing::new(output::render(&manifests, options.format)?);
    Ok(output::write(&options.to, text.as_bytes(), Audience::Owner, report)?)
}
