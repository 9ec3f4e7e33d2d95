//! Reads the values of items from a JSON object of names and strings.

use std::{collections::BTreeMap, path::Path};

use templates::sealed_secret;
use zeroize::Zeroizing;

use crate::{
    error::{Explain, hint},
    exit::Exit,
    input::{Input, InputError},
    report::Report,
};

/// Values by name.
pub(crate) struct Values(BTreeMap<String, Zeroizing<String>>);

impl Values {
    pub(crate) fn to_items(&self) -> sealed_secret::Values {
        let bytes = |text: &String| Zeroizing::new(text.as_bytes().to_vec());
        self.0.iter().map(|(key, text)| (key.clone(), bytes(text))).collect()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Reads a file. `-` is the standard input.
pub(crate) fn read(path: &Path) -> Result<Values, ValuesError> {
    let files = [path.to_owned()];
    let mut inputs = Input::read_all(&files, "values", &Report::new(true))?;
    let input = inputs.remove(0);
    let malformed = || ValuesError::Malformed { name: input.name.clone() };
    // The message of serde_json could contain a value.
    let values = serde_json::from_str(input.text()?).map_err(|_| malformed())?;
    Ok(Values(values))
}

/// `<KEY>` for each key.
pub(crate) fn placeholders<'a>(keys: impl Iterator<Item = &'a String>) -> sealed_secret::Values {
    keys.map(|key| (key.clone(), Zeroizing::new(format!("<{key}>").into_bytes()))).collect()
}

/// Why the values cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValuesError {
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The file is not a JSON object of strings.
    #[error("{name}: the values are not a JSON object of names and strings")]
    Malformed {
        /// The file.
        name: String,
    },
}

impl Explain for ValuesError {
    fn exit(&self) -> Exit {
        Exit::Input
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Input(error) => error.hints(),
            Self::Malformed { .. } => {
                hint("for example {\"DB_PASSWORD\": \"…\", \"PORT\": \"5432\"}")
            }
        }
    }
}
