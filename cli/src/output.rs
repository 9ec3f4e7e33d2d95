//! Writes results. Documents are complete in memory first, so that an error leaves no partial
//! output.

mod file;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use serde::Serialize;

pub(crate) use self::file::Audience;
use self::file::FileError;
use crate::{
    error::{Explain, root_cause, shown},
    exit::Exit,
    report::Report,
};

/// The format of the output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// YAML, each document after a `---`
    Yaml,
    /// indented JSON, one document after another
    Json,
}

impl Format {
    /// The format of the flag, or else of the file name, or else YAML.
    pub(crate) fn choose(flag: Option<Self>, to: &Destination) -> Self {
        flag.unwrap_or_else(|| match to {
            Destination::File(path) if path.extension().is_some_and(|e| e == "json") => Self::Json,
            _ => Self::Yaml,
        })
    }
}

/// Where to write the result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Destination {
    /// The standard output.
    Stdout,
    /// A file, which is replaced atomically.
    File(PathBuf),
}

impl Destination {
    /// From the argument of `-w`. None and `-` are the standard output.
    pub(crate) fn from_flag(path: Option<PathBuf>) -> Self {
        path.filter(|path| path.as_os_str() != "-").map_or(Self::Stdout, Self::File)
    }
}

/// The documents as text.
pub(crate) fn render<T: Serialize>(documents: &[T], format: Format) -> Result<String, OutputError> {
    let mut text = String::new();
    for document in documents {
        match format {
            Format::Json => {
                text += &serde_json::to_string_pretty(document)
                    .map_err(|error| OutputError::Render(error.to_string()))?;
                text.push('\n');
            }
            Format::Yaml => {
                text += "---\n";
                text += &yaml(document)?;
            }
        }
    }
    Ok(text)
}

/// One YAML document without `---`. It means the same in YAML 1.1 and 1.2.
pub(crate) fn yaml<T: Serialize>(document: &T) -> Result<String, OutputError> {
    // One line per value: folded ciphertext would make large diffs.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(document, options)
        .map_err(|error| OutputError::Render(error.to_string()))
}

/// Writes the result.
pub(crate) fn write(
    to: &Destination,
    bytes: &[u8],
    audience: Audience,
    report: &Report,
) -> Result<(), OutputError> {
    let path = match to {
        Destination::Stdout => return write_stdout(bytes),
        Destination::File(path) => path,
    };
    if let Some(mode) = file::replace(path, bytes, audience)? {
        report.note(&format!(
            "the mode of `{}` is now {:o} instead of {:o}, because it contains secrets",
            shown(path),
            mode.to,
            mode.from
        ));
    }
    Ok(())
}

/// Writes to the standard output. A closed pipe is not an error.
pub(crate) fn write_stdout(bytes: &[u8]) -> Result<(), OutputError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(OutputError::Stdout),
    }
}

/// Why the result cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The serialiser failed. It never does for our types.
    #[error("cannot render the result: {0}")]
    Render(String),
    /// The standard output failed. A closed pipe is not an error.
    #[error("cannot write to the standard output: {}", root_cause(.0))]
    Stdout(#[source] io::Error),
    /// The file cannot be replaced.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Explain for OutputError {
    fn exit(&self) -> Exit {
        Exit::Output
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::File(error) => error.hints(),
            Self::Render(_) | Self::Stdout(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn failed_write_names_the_file_and_leaves_no_temporary_file() {
        let directory = tempfile::tempdir().unwrap();
        let to = Destination::File(directory.path().join("missing/sealed.yaml"));
        let error = write(&to, b"x", Audience::Everyone, &Report::new(true)).unwrap_err();
        assert!(error.to_string().contains("missing/sealed.yaml"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn strings_that_yaml_1_1_would_convert_are_quoted() {
        for text in [
            "yes",
            "no",
            "on",
            "12:30",
            "1_000",
            "0123",
            "2001-01-01",
            "=",
            "~",
            "null",
            "<<",
            "0x1F",
            "1e3",
            ".5",
            "",
        ] {
            let map = BTreeMap::from([("k", text)]);
            let yaml = yaml(&map).unwrap();
            let value = yaml.trim_start_matches("k: ").trim_end();
            assert!(value.starts_with(['"', '\'']), "{text} was written as {value}");
        }
    }

    #[test]
    fn long_value_stays_on_one_line() {
        let map = BTreeMap::from([("k", "a b".repeat(2000))]);
        assert_eq!(yaml(&map).unwrap().lines().count(), 1);
    }
}
