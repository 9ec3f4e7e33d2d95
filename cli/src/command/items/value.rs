//! Reads the value of one item.

use std::{io::IsTerminal as _, path::PathBuf};

use sources::{MAX_SECRET_BYTES, is_secret_key};
use zeroize::Zeroizing;

use super::{error::ItemsError, prompt};
use crate::{error::Failure, input::Input, report::Report};

/// Where the value comes from.
pub(crate) enum ValueSource {
    /// A prompt if the standard input is a terminal, and otherwise the standard input.
    Ask,
    /// `--insecure-value`
    Argument(Zeroizing<String>),
    /// `--from-file`
    File(PathBuf),
}

impl ValueSource {
    /// Reads the value, byte for byte.
    pub(super) fn read(self, key: &str, report: &Report) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let value = match self {
            Self::Argument(value) => Zeroizing::new(value.as_bytes().to_vec()),
            Self::File(path) => Zeroizing::new(Input::file(&path)?.bytes().to_vec()),
            Self::Ask if std::io::stdin().is_terminal() => {
                prompt::read(&format!("value of {key}: ")).map_err(ItemsError::Prompt)?
            }
            Self::Ask => {
                let inputs = Input::read_all(&[], "the value", report)?;
                let value = Zeroizing::new(inputs[0].bytes().to_vec());
                if value.is_empty() {
                    return Err(ItemsError::NoValue.into());
                }
                if value.ends_with(b"\n") {
                    report.warning("the value ends with a line break, which is part of it now");
                    report.hint("`printf %s VALUE` and `tr -d '\\n'` write none");
                }
                value
            }
        };
        if value.len() > MAX_SECRET_BYTES {
            return Err(ItemsError::TooLarge { size: value.len() }.into());
        }
        Ok(value)
    }
}

/// Rejects `KEY=VALUE`, and shows only the key.
pub(super) fn check_no_value(key: &str) -> Result<(), ItemsError> {
    key.split_once('=').map_or(Ok(()), |(key, _)| Err(ItemsError::KeyWithValue { key: short(key) }))
}

/// Rejects a key that Kubernetes would not accept.
pub(super) fn check_key(key: &str) -> Result<(), ItemsError> {
    check_no_value(key)?;
    if is_secret_key(key) { Ok(()) } else { Err(ItemsError::Key { key: short(key) }) }
}

fn short(key: &str) -> String {
    key.chars().take(60).flat_map(char::escape_debug).collect()
}
