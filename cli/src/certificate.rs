//! Gets the certificate to seal with, from a file, a URL or the cluster. Size and time are bounded.

mod cluster;
mod file;
mod roots;
mod source;
mod url;

use jiff::Timestamp;
use sealing::Certificate;

pub(crate) use self::{cluster::Access, source::Source};
use crate::{
    error::{Explain, hint, shown},
    exit::Exit,
};

/// How to get the certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `--cert`, or `--cluster`.
    pub(crate) source: Option<Source>,
    /// `--insecure-http`
    pub(crate) insecure_http: bool,
    /// How to reach the cluster.
    pub(crate) access: Access,
}

/// A valid certificate and its origin.
pub(crate) struct FetchedCertificate {
    pub(crate) certificate: Certificate,
    /// Where it came from, for messages.
    pub(crate) origin: String,
}

impl FetchedCertificate {
    /// The fingerprint, origin and expiry of the certificate.
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

/// Gets the certificate that the flag names, or else the project file, or else the cluster. An expired
/// certificate is an error.
pub(crate) fn get(
    options: &Options,
    project: Option<Source>,
) -> Result<FetchedCertificate, GetError> {
    let source = options.source.clone().or(project).unwrap_or(Source::Cluster);
    let (origin, pem) = match &source {
        Source::File(path) => (format!("`{}`", shown(path)), file::read(path)?),
        Source::CheckedFile(path) => (format!("`{}`", shown(path)), file::read_checked(path)?),
        Source::Url(address) => (url::redact(address), url::fetch(address, options.insecure_http)?),
        Source::Cluster => {
            let fetched = cluster::fetch(&options.access)?;
            (fetched.service, fetched.pem)
        }
    };
    let certificate = Certificate::from_pem(&pem)
        .and_then(|certificate| certificate.check_validity(Timestamp::now()).map(|()| certificate))
        .map_err(|error| GetError::Unusable {
            origin: origin.clone(),
            source_kind: source,
            error,
        })?;
    Ok(FetchedCertificate { certificate, origin })
}

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    /// The cluster gave no certificate.
    #[error(transparent)]
    Cluster(#[from] cluster::ClusterError),
    /// The file gave no certificate.
    #[error(transparent)]
    File(#[from] file::FileError),
    /// The certificate cannot be used to seal.
    #[error("cannot seal with the certificate from {origin}: {error}")]
    Unusable {
        /// Where it came from.
        origin: String,
        /// The kind of source.
        source_kind: Source,
        /// The problem.
        error: sealing::CertificateError,
    },
    /// The URL gave no certificate.
    #[error(transparent)]
    Url(#[from] url::UrlError),
}

impl Explain for GetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Unusable { .. } => Exit::CertificateRefused,
            Self::File(error) => error.exit(),
            Self::Url(error) => error.exit(),
            Self::Cluster(_) => Exit::CertificateUnavailable,
        }
    }

    fn hints(&self) -> Vec<String> {
        use sealing::CertificateError as Error;
        match self {
            Self::Cluster(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Url(error) => error.hints(),
            Self::Unusable { error: Error::Expired { .. }, .. } => vec![
                "`mtk-seal init --force` updates the certificate of the project; `mtk-seal cert --cluster` prints the current one".to_owned(),
                "if the cluster has no newer certificate, its controller must create a new key".to_owned(),
            ],
            Self::Unusable { error: Error::PrivateKey, .. } => {
                hint("sealing needs the certificate; never commit a private key")
            }
            Self::Unusable { error: Error::PublicKey, .. } => {
                hint("`openssl req -x509 -key KEY -out CERT` creates a certificate from a private key")
            }
            Self::Unusable { error: Error::Pem(_), source_kind: Source::Url(_) | Source::Cluster, .. } => {
                hint("check that this is the address of a controller, which serves its certificate at /v1/cert.pem")
            }
            Self::Unusable { .. } => hint("`mtk-seal cert --cluster` prints the certificate of the controller"),
        }
    }
}
