//! Gets the certificate to seal with, from a file, a URL or the cluster. Size and time are bounded.

mod cluster;
mod file;
mod roots;
mod source;
mod url;

use jiff::Timestamp;
use sealing::Certificate;

pub(crate) use self::{
    cluster::FetchError,
    file::FileError,
    source::Source,
    url::{UrlError, redact},
};
use crate::{
    cluster::Access,
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

/// The certificate of a project file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Expected {
    /// Where to get it.
    pub(crate) source: Option<Source>,
    /// The only fingerprint that is accepted.
    pub(crate) fingerprint: Option<String>,
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
/// certificate is an error, and so is one with another fingerprint than the project file pins.
pub(crate) fn get(options: &Options, expected: Expected) -> Result<FetchedCertificate, GetError> {
    let source = options.source.clone().or(expected.source).unwrap_or(Source::Cluster);
    let (origin, pem) = read(&source, options.insecure_http, &options.access)?;
    let certificate = Certificate::from_pem(&pem)
        .and_then(|certificate| certificate.check_validity(Timestamp::now()).map(|()| certificate))
        .map_err(|error| GetError::Unusable {
            origin: origin.clone(),
            source_kind: source,
            error,
        })?;
    let found = certificate.fingerprint().to_string();
    match expected.fingerprint {
        Some(pinned) if pinned != found => {
            Err(GetError::OtherFingerprint { origin, found, pinned })
        }
        _ => Ok(FetchedCertificate { certificate, origin }),
    }
}

/// Reads the source. Returns where the text came from, for messages, and the text, which may contain
/// no certificate.
pub(crate) fn read(
    source: &Source,
    insecure_http: bool,
    access: &Access,
) -> Result<(String, Vec<u8>), GetError> {
    Ok(match source {
        Source::File(path) => (format!("`{}`", shown(path)), file::read(path)?),
        Source::CheckedFile(path) => (format!("`{}`", shown(path)), file::read_checked(path)?),
        Source::Url(address) => (redact(address), url::fetch(address, insecure_http)?),
        Source::Cluster => {
            let fetched = cluster::fetch(access)?;
            (fetched.origin, fetched.pem)
        }
    })
}

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    /// The cluster gave no certificate.
    #[error(transparent)]
    Cluster(#[from] FetchError),
    /// The file gave no certificate.
    #[error(transparent)]
    File(#[from] FileError),
    /// The project file pins another certificate.
    #[error(
        "the certificate from {origin} has the fingerprint {found}, but the project file pins {pinned}"
    )]
    OtherFingerprint {
        /// Where it came from.
        origin: String,
        /// Its fingerprint.
        found: String,
        /// The fingerprint in the project file.
        pinned: String,
    },
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
    Url(#[from] UrlError),
}

impl Explain for GetError {
    fn exit(&self) -> Exit {
        match self {
            Self::OtherFingerprint { .. } | Self::Unusable { .. } => Exit::CertificateRefused,
            Self::File(error) => error.exit(),
            Self::Url(error) => error.exit(),
            Self::Cluster(_) => Exit::CertificateUnavailable,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Cluster(error) => error.details(),
            Self::File(_)
            | Self::OtherFingerprint { .. }
            | Self::Url(_)
            | Self::Unusable { .. } => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        use sealing::CertificateError as Error;
        match self {
            Self::Cluster(error) => error.hints(),
            Self::File(error) => error.hints(),
            Self::Url(error) => error.hints(),
            Self::OtherFingerprint { found, .. } => vec![
                "the controller may have renewed its key, or another cluster or an attacker may have answered: compare the fingerprint with `mtk-seal cert --cluster`, or ask an administrator of the cluster".to_owned(),
                format!("to accept it, write `fingerprint: {found}` into the project file, or run `mtk-seal init --force` again"),
            ],
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
