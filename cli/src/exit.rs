//! The exit codes, in one place: `--help`, the man page and `docs/cli.md` all show this list.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Success = 0,
    /// What no other code names.
    Failure = 1,
    /// Flags that do not exist, or do not go together. The code is clap's own.
    Usage = 2,
    /// The values could not be read as what they are.
    Input = 3,
    /// The Secret has no name or namespace, two places disagree, or Kubernetes would refuse it.
    Target = 4,
    /// The certificate could not be got.
    CertificateUnavailable = 5,
    /// The certificate was got, and must not be used.
    CertificateRefused = 6,
    /// The project file cannot be used.
    Project = 7,
    /// Something sealed could not be opened.
    Unseal = 8,
    /// The result could not be written.
    Output = 9,
}

impl Exit {
    const ALL: [Self; 10] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Input,
        Self::Target,
        Self::CertificateUnavailable,
        Self::CertificateRefused,
        Self::Project,
        Self::Unseal,
        Self::Output,
    ];

    /// The number the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done",
            Self::Failure => "an error that no other code names",
            Self::Usage => "unknown flags, or flags that do not go together",
            Self::Input => {
                "the input is empty, malformed, too large, or holds a duplicate or invalid key"
            }
            Self::Target => {
                "the Secret's name, namespace, scope or size is missing, wrong or contradicted"
            }
            Self::CertificateUnavailable => "the certificate could not be fetched or read",
            Self::CertificateRefused => {
                "the certificate is expired, of the wrong kind, or came over plain http"
            }
            Self::Project => "the project file is malformed, or belongs to another user",
            Self::Unseal => "a key cannot be used, or an item cannot be opened",
            Self::Output => "the result could not be written",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table for `--help` and the man page.
pub(crate) fn table() -> String {
    let mut table = String::from("Exit status:");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = write!(table, "\n  {}  {}", exit.code(), exit.meaning());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_documentation() {
        let docs = include_str!("../../docs/cli.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(docs.contains(&row), "docs/cli.md has no row {row}");
        }
    }
}
