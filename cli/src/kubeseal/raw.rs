//! `--raw`: encrypts one value, and prints only its ciphertext.

use std::path::{Path, PathBuf};

use sealing::Scope;

use super::{certificate, error::KubesealError, namespace, options::Options};
use crate::{
    error::Failure,
    input::Input,
    output::{self, Audience},
    report::Report,
};

/// The file of `--from-file [KEY=]PATH`. The key has no meaning.
pub(super) fn file(values: &[String]) -> Result<Option<PathBuf>, KubesealError> {
    match values {
        [] => Ok(None),
        [value] => {
            let path = value.split_once('=').map_or(value.as_str(), |(_, path)| path);
            Ok(Some(path.into()))
        }
        _ => Err(KubesealError::FromFileTwice),
    }
}

/// Encrypts the value in the file, or else on the standard input.
pub(super) fn run(options: &Options, file: Option<&Path>, report: &Report) -> Result<(), Failure> {
    if options.input.is_some() {
        report.warning("--raw ignores --secret-file: it reads the value from --from-file or the standard input");
    }
    let certificate = certificate::get(options, report)?;
    let scope = options.scope.unwrap_or_default();
    let namespace = namespace::resolve(None, scope, options);
    if matches!(namespace, Err(KubesealError::NoNamespace)) {
        return Err(KubesealError::RawNamespace(scope).into());
    }
    let namespace = namespace?.unwrap_or_default();
    let name = match (&options.name, scope) {
        (Some(name), _) => name.as_str(),
        (None, Scope::Strict) => return Err(KubesealError::RawName.into()),
        (None, _) => "",
    };
    let value = match file {
        Some(path) => Input::file(path)?,
        None => Input::stdin("a value to encrypt", report)?,
    };
    let item = certificate.seal(&scope.label(&namespace, name), value.bytes());
    let item = item.map_err(|source| KubesealError::Seal { key: name.to_owned(), source })?;
    Ok(output::write(&options.to, item.as_bytes(), Audience::Everyone, report)?)
}
