//! Why a path gives no value.

/// Why a path gives no value. Errors never contain parts of the document or the path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error {
    /// The document has no value at this path.
    Missing,
    /// The path exceeds a limit: it nests too deeply, scans too many bytes, or builds too large a
    /// value.
    TooComplex,
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "no value at this path",
            Self::TooComplex => "the path exceeds a limit",
        })
    }
}

impl std::error::Error for Error {}
