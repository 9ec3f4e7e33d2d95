//! The certificate of `--cert`, or else of the cluster. Its errors have the original's words.

use std::io::ErrorKind;

use http::StatusCode;
use jiff::Timestamp;
use sealing::{Certificate, CertificateError};

use super::{error::KubesealError, options::Options, remote};
use crate::{
    certificate::{self, FileError, GetError, Source, UrlError, redact},
    error::{Explain as _, Failure, root_cause},
    report::Report,
};

/// The text of `--cert`, or else of the cluster. It may contain no certificate.
pub(super) fn pem(options: &Options, report: &Report) -> Result<Vec<u8>, Failure> {
    let source = match &options.cert {
        Some(address) => source(address, report)?,
        None => Source::Cluster,
    };
    // Scripts name plain HTTP addresses, and kubeseal accepts them.
    let read = certificate::read(&source, true, &options.access);
    read.map(|(_, pem)| pem).map_err(|error| failure(&error))
}

/// A certificate to seal with.
pub(super) fn get(options: &Options, report: &Report) -> Result<Certificate, Failure> {
    let pem = pem(options, report)?;
    let checked = Certificate::from_pem(&pem)
        .and_then(|found| found.check_validity(Timestamp::now()).map(|()| found));
    Ok(checked.map_err(|error| match error {
        CertificateError::Expired { not_after } => {
            KubesealError::Expired(not_after.strftime("%B %-d, %Y").to_string())
        }
        CertificateError::NotRsa { algorithm } => KubesealError::NotRsa(algorithm),
        error => KubesealError::NoCertificate { detail: error.to_string() },
    })?)
}

fn source(address: &str, report: &Report) -> Result<Source, KubesealError> {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme.to_lowercase());
    match scheme.as_deref() {
        None | Some("https" | "file") => {}
        Some("http") => report.warning(
            "--cert has plain HTTP: an attacker on the network could replace the certificate and read the secrets",
        ),
        Some(scheme) => {
            return Err(KubesealError::Get {
                url: redact(address),
                cause: format!("unsupported protocol scheme {scheme:?}"),
            });
        }
    }
    Ok(Source::parse(address, None))
}

fn failure(error: &GetError) -> Failure {
    match error {
        GetError::File(FileError::Unreadable { path, source }) => {
            let is_directory = source.kind() == ErrorKind::IsADirectory;
            let verb = if is_directory { "read" } else { "open" };
            let (path, cause) = (path.display().to_string(), root_cause(source));
            KubesealError::Open { verb, path, cause }.into()
        }
        GetError::Url(UrlError::Status { url, status }) => {
            let reason =
                StatusCode::from_u16(*status).ok().and_then(|code| code.canonical_reason());
            let status = format!("{status} {}", reason.unwrap_or_default()).trim_end().to_owned();
            KubesealError::FetchStatus { url: url.clone(), status }.into()
        }
        GetError::Url(UrlError::Unreachable { url, cause } | UrlError::Tls { url, cause }) => {
            KubesealError::Get { url: url.clone(), cause: cause.clone() }.into()
        }
        GetError::Cluster(error) => {
            let failure = remote::failure(&error.error, remote::Step::Certificate);
            Failure { details: error.details(), ..failure }
        }
        error => Failure {
            details: error.details(),
            hints: error.hints(),
            ..KubesealError::Fetch(error.to_string()).into()
        },
    }
}
