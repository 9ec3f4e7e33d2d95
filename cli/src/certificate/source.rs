//! Where to get a certificate.

use std::path::{Path, PathBuf};

/// The most bytes to read from any source. No certificate chain is larger.
pub(super) const MAX_CERTIFICATE_BYTES: u64 = 1024 * 1024;

/// Where to get a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// A PEM file that the user named.
    File(PathBuf),
    /// A PEM file that a project file names. It is refused if other users can change it: it decides
    /// as much as the project file.
    CheckedFile(PathBuf),
    /// An `https:` or `http:` URL.
    Url(String),
    /// The controller of the cluster, through the API server.
    Cluster,
}

impl Source {
    /// Parses a path, or a URL with `https:`, `http:` or `file:`. Paths are relative to `base`.
    pub(crate) fn parse(text: &str, base: Option<&Path>) -> Self {
        let has_scheme = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if has_scheme("https://") || has_scheme("http://") {
            return Self::Url(text.to_owned());
        }
        let path = if has_scheme("file://") { &text["file://".len()..] } else { text };
        Self::File(base.map_or_else(|| path.into(), |base| base.join(path)))
    }

    /// The same source. Other users must not be able to change its file.
    pub(crate) fn checked(self) -> Self {
        match self {
            Self::File(path) => Self::CheckedFile(path),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_urls_or_paths_relative_to_their_base() {
        let base = Some(Path::new("/repo"));
        for (text, source) in [
            ("a.pem", Source::File("/repo/a.pem".into())),
            ("/etc/a.pem", Source::File("/etc/a.pem".into())),
            ("file:///etc/a.pem", Source::File("/etc/a.pem".into())),
            ("C:\\a.pem", Source::File("/repo/C:\\a.pem".into())),
            ("https://x/v1/cert.pem", Source::Url("https://x/v1/cert.pem".to_owned())),
            ("HTTP://x", Source::Url("HTTP://x".to_owned())),
        ] {
            assert_eq!(Source::parse(text, base), source, "{text}");
        }
        assert_eq!(Source::parse("a.pem", None), Source::File("a.pem".into()));
    }
}
