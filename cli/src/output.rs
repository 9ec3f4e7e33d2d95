//! Writes results. Documents are complete in memory first, so that an error leaves no partial
//! output.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{
    error::{Explain, hint, root_cause, shown},
    exit::Exit,
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

/// The users that may read a new file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// All users that the umask allows.
    Everyone,
    /// Only the user, because the file contains secrets.
    Owner,
}

impl Audience {
    #[cfg(unix)]
    fn permissions(self) -> fs::Permissions {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(match self {
            Self::Everyone => 0o666,
            Self::Owner => 0o600,
        })
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

/// Writes the result. A closed pipe on the standard output is not an error.
pub(crate) fn write(to: &Destination, bytes: &[u8], audience: Audience) -> Result<(), OutputError> {
    match to {
        Destination::Stdout => {
            let mut stdout = io::stdout().lock();
            match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other.map_err(OutputError::Stdout),
            }
        }
        Destination::File(path) => replace(path, bytes, audience)
            .map_err(|source| OutputError::File { path: path.clone(), source }),
    }
}

/// Replaces a file atomically. An existing file keeps its mode. A symbolic link stays, and its
/// target is replaced. Pipes and devices are written to directly.
fn replace(path: &Path, bytes: &[u8], audience: Audience) -> io::Result<()> {
    let existing = match fs::metadata(path) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if existing.as_ref().is_some_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let path = if existing.is_some() { fs::canonicalize(path)? } else { path.to_owned() };
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };

    let mut builder = tempfile::Builder::new();
    builder.prefix(".mtk-seal-");
    // The umask applies to these permissions.
    #[cfg(unix)]
    let permissions = audience.permissions();
    #[cfg(unix)]
    builder.permissions(permissions);
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    if let Some(metadata) = existing {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
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
    /// The file cannot be replaced. It is unchanged.
    #[error("cannot write `{}`: {}", shown(path), root_cause(source))]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
}

impl Explain for OutputError {
    fn exit(&self) -> Exit {
        Exit::Output
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::File { .. } => {
                hint("the file is unchanged; its directory must exist and be writable")
            }
            Self::Render(_) | Self::Stdout(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn write_to(path: &Path, text: &str, audience: Audience) {
        write(&Destination::File(path.to_owned()), text.as_bytes(), audience).unwrap();
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[cfg(unix)]
    #[test]
    fn existing_file_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealed.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_to(&path, "new", Audience::Owner);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("new", 0o640));
    }

    #[cfg(unix)]
    #[test]
    fn new_file_with_secrets_is_readable_only_by_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.yaml");
        write_to(&path, "x", Audience::Owner);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_link_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_to(&link, "new", Audience::Everyone);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }

    #[test]
    fn failed_write_names_the_file_and_leaves_no_temporary_file() {
        let directory = tempfile::tempdir().unwrap();
        let to = Destination::File(directory.path().join("missing/sealed.yaml"));
        let error = write(&to, b"x", Audience::Everyone).unwrap_err();
        assert!(error.to_string().contains("missing/sealed.yaml"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
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
