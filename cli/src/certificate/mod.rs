//! The certificate to seal with: from a file, a URL or the cluster, always bounded in size and time.

mod cluster;
mod file;
mod url;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealing::Certificate;

pub(crate) use self::cluster::Access;
use crate::error::{Explain, hint, shown};
use crate::exit::Exit;
use crate::project::Project;

/// More than any certificate chain has.
const MAX_SIZE: u64 = 1024 * 1024;

/// Where a certificate is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    /// A PEM file.
    File(PathBuf),
    /// An `https:` or `http:` URL.
    Url(String),
    /// The controller of the cluster, asked through the API server.
    Cluster,
}

impl Source {
    /// A path, or a URL with `https:`, `http:` or `file:`. Paths are relative to `base`.
    pub(crate) fn parse(text: &str, base: Option<&Path>) -> Self {
        let is = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if is("https://") || is("http://") {
            return Self::Url(text.to_owned());
        }
        let path = if is("file://") { &text["file://".len()..] } else { text };
        Self::File(base.map_or_else(|| path.into(), |base| base.join(path)))
    }
}

/// How the certificate is got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `--cert`, or `--cluster`.
    pub(crate) source: Option<Source>,
    /// `--insecure-http`
    pub(crate) insecure_http: bool,
    /// How the cluster is reached.
    pub(crate) access: Access,
}

/// A certificate that may be used.
pub(crate) struct Got {
    /// The certificate.
    pub(crate) certificate: Certificate,
    /// Where it came from, for people.
    pub(crate) origin: String,
}

impl Got {
    /// Which certificate this is: its fingerprint, where it came from, and how long it is valid.
    pub(crate) fn describe(&self) -> String {
        let certificate = &self.certificate;
        let until = certificate.not_after().strftime("%Y-%m-%d");
        format!(
            "certificate {} from {}, valid until {until}",
            certificate.fingerprint(),
            self.origin
        )
    }
}

/// The certificate of the flag, else of the project file, else of the cluster. An expired one is
/// refused.
pub(crate) fn get(options: &Options, project: Option<&Project>) -> Result<Got, GetError> {
    let of_project = || project.and_then(|project| project.certificate.clone());
    let source = options.source.clone().or_else(of_project).unwrap_or(Source::Cluster);
    let (origin, pem) = match &source {
        Source::File(path) => (format!("`{}`", shown(path)), file::read(path)?),
        Source::Url(address) => (url::redact(address), url::fetch(address, options.insecure_http)?),
        Source::Cluster => {
            let fetched = cluster::fetch(&options.access)?;
            (fetched.service, fetched.pem)
        }
    };
    let certificate = Certificate::from_pem(&pem)
        .and_then(|certificate| certificate.check_validity(Timestamp::now()).map(|()| certificate))
        .map_err(|error| GetError::Unusable { origin: origin.clone(), place: source, error })?;
    Ok(Got { certificate, origin })
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    /// The cluster did not give one.
    #[error(transparent)]
    Cluster(#[from] cluster::ClusterError),
    /// The file did not.
    #[error(transparent)]
    File(#[from] file::FileError),
    /// It is not one to seal with.
    #[error("cannot seal with the certificate from {origin}: {error}")]
    Unusable {
        /// Where it came from.
        origin: String,
        /// What kind of place that is.
        place: Source,
        /// What is wrong with it.
        error: sealing::CertificateError,
    },
    /// The URL did not.
    #[error(transparent)]
    Url(#[from] url::UrlError),
}

impl Explain for GetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unusable { .. } => Exit::CertificateRefused,
            Self::Url(error) => error.exit(),
            Self::Cluster(_) | Self::File(_) => Exit::CertificateUnavailable,
        }
    }

    fn hints(&self) -> Vec<String> {
        use sealing::CertificateError as Error;
        match self {
            Self::Cluster(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Url(error) => error.hints(),
            Self::Unusable { error: Error::Expired { .. }, .. } => vec![
                "`mtk-seal init --force` fetches the current one for the project, `mtk-seal cert --cluster` prints it".to_owned(),
                "if the cluster has no newer one, its controller must make a new key".to_owned(),
            ],
            Self::Unusable { error: Error::PrivateKey, .. } => {
                hint("sealing needs the certificate; a private key belongs in no repository")
            }
            Self::Unusable { error: Error::PublicKey, .. } => {
                hint("`openssl req -x509 -key KEY -out CERT` makes a certificate of a private key")
            }
            Self::Unusable { error: Error::Pem(_), place: Source::Url(_) | Source::Cluster, .. } => {
                hint("is this the address of a controller? It answers under /v1/cert.pem")
            }
            Self::Unusable { .. } => hint("`mtk-seal cert --cluster` prints the controller's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_url_or_a_path_relative_to_its_base() {
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
