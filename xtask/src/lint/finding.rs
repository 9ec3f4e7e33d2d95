//! One violation of a rule.

use std::fmt;

/// A violation, at a line of a file of the repository.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Finding {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn new(file: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { file: file.to_owned(), line, message: message.into() }
    }

    /// The part of the repository that the file belongs to, such as `controller`.
    pub(super) fn area(&self) -> &str {
        self.file.split_once('/').map_or(self.file.as_str(), |(first, _)| first)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.message)
    }
}
