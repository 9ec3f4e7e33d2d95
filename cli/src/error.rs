//! Failures as the user sees them: one cause, details if several things failed, and hints.

use std::path::Path;

use crate::exit::Exit;

/// A failure that is ready to print.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code of the program.
    pub(crate) exit: Exit,
    /// One line: lower case, no final period, never a value.
    pub(crate) cause: String,
    /// One line for each failure, if there are several.
    pub(crate) details: Vec<String>,
    /// One line for each thing the user can do.
    pub(crate) hints: Vec<String>,
}

/// An error with an exit code and hints. Its `Display` is the cause line.
pub(crate) trait Explain: std::error::Error {
    /// The exit code.
    fn exit(&self) -> Exit;

    /// One line for each thing the user can do.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }

    /// One line for each thing that the cause line counts.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            exit: error.exit(),
            cause: error.to_string(),
            details: error.details(),
            hints: error.hints(),
        }
    }
}

/// One hint.
pub(crate) fn hint(text: impl Into<String>) -> Vec<String> {
    vec![text.into()]
}

/// The innermost source of an error. Messages of the operating system lose their capital letter and
/// error number, to match ours.
pub(crate) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    match text.split_once(" (os error ") {
        Some((text, _)) => text[..1].to_lowercase() + &text[1..],
        None => text,
    }
}

/// A path as the user would type it: relative if it is inside the working directory.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    below.filter(|path| !path.as_os_str().is_empty()).unwrap_or(path).display().to_string()
}
