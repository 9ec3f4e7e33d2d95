//! The exit codes, in one place: `--help`, the man page and `docs/cli.md` all show this list.

use std::{fmt::Write as _, process::ExitCode};

/// How the program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The command succeeded.
    Success = 0,
    /// Any other error.
    Failure = 1,
    /// Unknown or conflicting flags. clap uses the same code.
    Usage = 2,
    /// The input is malformed.
    Input = 3,
    /// The name, namespace, scope or size of the Secret is missing, invalid or conflicting.
    Target = 4,
    /// The certificate could not be fetched or read.
    CertificateUnavailable = 5,
    /// The certificate must not be used.
    CertificateRefused = 6,
    /// The project file cannot be used.
    Project = 7,
    /// An item could not be decrypted.
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

    /// The exit status of the process.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "other error",
            Self::Usage => "unknown or conflicting flags",
            Self::Input => {
                "the input is empty, malformed or too large, or has a duplicate or invalid key"
            }
            Self::Target => {
                "the Secret's name, namespace, scope or size is missing, invalid or conflicting"
            }
            Self::CertificateUnavailable => "the certificate could not be fetched or read",
            Self::CertificateRefused => {
                "the certificate is expired, of the wrong kind, served over plain HTTP, or writable by other users"
            }
            Self::Project => "the project file is invalid, or other users can change it",
            Self::Unseal => "a private key cannot be used, or an item cannot be decrypted",
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
    fn exit_codes_are_documented() {
        let docs = include_str!("../../docs/cli.md");
        for exit in Exit::ALL {
            let row = format!("| {} | {} |", exit.code(), exit.meaning());
            assert!(docs.contains(&row), "docs/cli.md has no row {row}");
        }
    }
}
