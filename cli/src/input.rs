//! Reads the standard input and files. Input is bounded in size, and wiped after use.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    error::{Explain, hint, root_cause},
    exit::Exit,
    report::Report,
};

/// The largest input. A Secret can contain 1 MiB, so this allows many Secrets, and comments.
const MAX_INPUT_BYTES: usize = 16 * 1024 * 1024;

/// A file or the standard input.
pub(crate) struct Input {
    /// Its name in errors.
    pub(crate) name: String,
    /// The file. None for the standard input.
    pub(crate) path: Option<PathBuf>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Input {
    /// Reads the files, or the standard input if none are given. `what` names the expected content if
    /// the standard input is a terminal.
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
        let file = open(path).map_err(failed)?;
        Self::opened(file, path)
    }

    /// Reads an open file.
    pub(crate) fn opened(file: File, path: &Path) -> Result<Self, InputError> {
        let name = path.display().to_string();
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let bytes = read_bounded(file, size, &name)?;
        Ok(Self { name, path: Some(path.to_owned()), bytes })
    }

    /// The content.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text, without a byte-order mark.
    pub(crate) fn text(&self) -> Result<&str, InputError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| InputError::NotUtf8 {
            name: self.name.clone(),
            line: self.bytes[..error.valid_up_to()].split(|b| *b == b'\n').count(),
            utf16: self.bytes.starts_with(b"\xff\xfe") || self.bytes.starts_with(b"\xfe\xff"),
        })?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// The text and its name, as the crate `sources` reads them.
    pub(crate) fn source(&self) -> Result<sources::Input<'_>, InputError> {
        let file_name = self.path.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
        Ok(sources::Input { name: &self.name, file_name, text: self.text()? })
    }

    /// Reads the standard input.
    pub(crate) fn stdin(what: &str, report: &Report) -> Result<Self, InputError> {
        report.waiting_for_input(what);
        let name = "stdin".to_owned();
        let bytes = read_bounded(io::stdin().lock(), 0, &name)?;
        Ok(Self { name, path: None, bytes })
    }
}

/// How long to wait for a program that writes to a pipe.
#[cfg(unix)]
const PIPE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// Opens a file for reading. A pipe that no program opens for writing is an error.
#[cfg(unix)]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::FileTypeExt as _;

    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return File::open(path);
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let pipe = path.to_owned();
    // Without a writer, this thread waits until the program ends.
    std::thread::spawn(move || sender.send(File::open(pipe)));
    let no_writer = |_| io::Error::new(io::ErrorKind::TimedOut, "no program writes to this pipe");
    receiver.recv_timeout(PIPE_TIMEOUT).map_err(no_writer)?
}

#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn read_bounded(
    reader: impl Read,
    size: u64,
    name: &str,
) -> Result<Zeroizing<Vec<u8>>, InputError> {
    // Growing would leave a copy behind that is not wiped.
    let capacity =
        usize::try_from(size).unwrap_or(MAX_INPUT_BYTES).clamp(64 * 1024, MAX_INPUT_BYTES) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let limit = MAX_INPUT_BYTES as u64 + 1;
    reader
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| InputError::Unreadable { name: name.to_owned(), source })?;
    if bytes.len() > MAX_INPUT_BYTES {
        return Err(InputError::TooLarge { name: name.to_owned() });
    }
    Ok(bytes)
}

/// Why an input cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    /// The operating system reported an error.
    #[error("cannot read `{name}`: {}", root_cause(source))]
    Unreadable {
        /// The input.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The input exceeds the limit.
    #[error("{name}: the input is larger than {} MiB", MAX_INPUT_BYTES / 1024 / 1024)]
    TooLarge {
        /// The input.
        name: String,
    },
    /// The input is not UTF-8.
    #[error("{name}:{line}: the input is not UTF-8")]
    NotUtf8 {
        /// The input.
        name: String,
        /// The first line that is not UTF-8.
        line: usize,
        /// Whether it starts with the byte-order mark of UTF-16.
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
                "without a file, mtk-seal reads the standard input; `mtk-seal --help` lists the commands",
            ),
            Self::Unreadable { .. } => Vec::new(),
            Self::TooLarge { .. } => hint("a Secret can contain at most 1 MiB"),
            Self::NotUtf8 { utf16: true, .. } => {
                hint("it looks like UTF-16, as PowerShell's `>` writes: save it as UTF-8")
            }
            Self::NotUtf8 { .. } => {
                hint("put binary values into the `data` of a Secret manifest, encoded as base64")
            }
        }
    }
}
