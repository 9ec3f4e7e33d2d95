//! The bytes of inputs: the standard input or files, bounded, wiped after use.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Explain, hint, root_cause};
use crate::exit::Exit;
use crate::report::Report;

/// The most bytes of one input. A Secret holds 1 MiB; this is room for many, and for comments.
const MAX_INPUT: usize = 16 * 1024 * 1024;

/// One input.
pub(crate) struct Input {
    /// Its name for errors.
    pub(crate) name: String,
    /// The file; none for the standard input.
    pub(crate) path: Option<PathBuf>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Input {
    /// Reads the files, or the standard input if there are none. `what` is what the user is asked
    /// for if that is a terminal.
    pub(crate) fn read_all(
        files: &[PathBuf],
        what: &str,
        report: &Report,
    ) -> Result<Vec<Self>, InputError> {
        if files.is_empty() {
            return Ok(vec![Self::stdin(what, report)?]);
        }
        files
            .iter()
            .map(
                |path| {
                    if path.as_os_str() == "-" {
                        Self::stdin(what, report)
                    } else {
                        Self::file(path)
                    }
                },
            )
            .collect()
    }

    /// Reads a file.
    pub(crate) fn file(path: &Path) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let failed = |source| InputError::Unreadable { name: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let bytes = bounded(file, size, &name)?;
        Ok(Self { name, path: Some(path.to_owned()), bytes })
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text without a byte-order mark.
    pub(crate) fn text(&self) -> Result<&str, InputError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| InputError::NotUtf8 {
            name: self.name.clone(),
            line: self.bytes[..error.valid_up_to()].split(|b| *b == b'\n').count(),
            utf16: self.bytes.starts_with(b"\xff\xfe") || self.bytes.starts_with(b"\xfe\xff"),
        })?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    fn stdin(what: &str, report: &Report) -> Result<Self, InputError> {
        report.waiting_for_input(what);
        let name = "stdin".to_owned();
        let bytes = bounded(io::stdin().lock(), 0, &name)?;
        Ok(Self { name, path: None, bytes })
    }
}

fn bounded(reader: impl Read, size: u64, name: &str) -> Result<Zeroizing<Vec<u8>>, InputError> {
    // Room for all of it at once: what growing leaves behind is not wiped.
    let room = usize::try_from(size).unwrap_or(MAX_INPUT).clamp(64 * 1024, MAX_INPUT) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let limit = MAX_INPUT as u64 + 1;
    reader
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Unreadable { name: name.to_owned(), source })?;
    if bytes.len() > MAX_INPUT {
        return Err(InputError::TooLarge { name: name.to_owned() });
    }
    Ok(bytes)
}

/// Why an input cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The operating system's reason.
    #[error("cannot read `{name}`: {}", root_cause(source))]
    Unreadable {
        /// The input.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// Over the limit.
    #[error("{name}: the input is larger than {} MiB", MAX_INPUT / 1024 / 1024)]
    TooLarge {
        /// The input.
        name: String,
    },
    /// Another encoding, or no text.
    #[error("{name}:{line}: the input is not UTF-8")]
    NotUtf8 {
        /// The input.
        name: String,
        /// The first line with other bytes.
        line: usize,
        /// It starts with UTF-16's mark.
        utf16: bool,
    },
}

impl Explain for InputError {
    fn exit(&self) -> Exit {
        Exit::Input
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => hint(
                "without a file, the standard input is read; `mtk-seal --help` lists the commands",
            ),
            Self::Unreadable { .. } => Vec::new(),
            Self::TooLarge { .. } => hint("a Secret holds 1 MiB at most"),
            Self::NotUtf8 { utf16: true, .. } => {
                hint("it looks like UTF-16, as PowerShell's `>` writes: save it as UTF-8")
            }
            Self::NotUtf8 { .. } => {
                hint("binary values go base64-encoded into the `data` of a Secret manifest")
            }
        }
    }
}
