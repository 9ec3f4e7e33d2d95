//! The certificate authorities that requests to AWS trust, and the HTTP client that trusts them.
//!
//! The authorities are those of the system, or Mozilla's, which are built in, where the system has none: the
//! image contains nothing but the program. A bundle adds others, such as that of a proxy.

#[cfg(test)]
mod tests;

use std::{
    error::Error,
    io, iter,
    path::{Path, PathBuf},
};

use aws_smithy_http_client::{
    Builder, ConnectorBuilder,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, runtime_components::RuntimeComponents,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use rustls::{
    CertificateError, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tracing::{info, warn};

/// The variables that name the system's store.
const SYSTEM_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

type Authorities = Vec<CertificateDer<'static>>;

/// Why there is no certificate authority to trust.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("cannot read the CA bundle {}: {error}", .path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error(
        "the CA bundle {} contains no certificate authority: it must contain certificates as PEM",
        .path.display()
    )]
    NoAuthority { path: PathBuf },
    #[error(
        "SSL_CERT_FILE or SSL_CERT_DIR is set, but there is no certificate authority: correct the \
         variable, or unset it to trust the built-in authorities"
    )]
    EmptySystemStore,
}

/// The client of all requests to AWS. All identities share it, so that its memory does not grow with them.
pub(crate) fn http_client(ca_bundle: Option<&Path>) -> Result<SharedHttpClient, TrustError> {
    let system = rustls_native_certs::load_native_certs();
    for error in system.errors {
        warn!(%error, "cannot read certificate authorities of the system");
    }
    let system = usable(system.certs);
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_named = SYSTEM_VARIABLES.into_iter().any(is_set);
    let (store, mut authorities) = roots(system, is_named)?;
    let roots = authorities.len();
    if let Some(path) = ca_bundle {
        authorities.extend(bundle(path)?);
    }
    let bundled = authorities.len() - roots;
    info!(store, roots, bundled, "trusting certificate authorities for AWS");
    Ok(client_of(&authorities))
}

/// The system's authorities, or those built in, and the name of that store.
fn roots(system: Authorities, is_named: bool) -> Result<(&'static str, Authorities), TrustError> {
    if !system.is_empty() {
        return Ok(("system", system));
    }
    if is_named {
        return Err(TrustError::EmptySystemStore);
    }
    Ok(("built-in", webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()))
}

/// The authorities in a file.
fn bundle(path: &Path) -> Result<Authorities, TrustError> {
    let read = std::fs::read(path);
    let pem = read.map_err(|error| TrustError::Unreadable { path: path.to_owned(), error })?;
    let blocks: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect();
    let count = blocks.len();
    let found = usable(blocks.into_iter().flatten().collect());
    if found.is_empty() {
        return Err(TrustError::NoAuthority { path: path.to_owned() });
    }
    let ignored = count - found.len();
    if ignored > 0 {
        warn!(ignored, path = %path.display(), "ignoring invalid certificates of the CA bundle");
    }
    Ok(found)
}

/// Those that the TLS library accepts as authorities. The SDK panics on any other.
fn usable(certificates: Authorities) -> Authorities {
    let mut store = RootCertStore::empty();
    let is_usable = |certificate: &CertificateDer<'static>| store.add(certificate.clone()).is_ok();
    certificates.into_iter().filter(is_usable).collect()
}

fn client_of(authorities: &[CertificateDer<'static>]) -> SharedHttpClient {
    let pem =
        authorities.iter().map(|der| format!("{BEGIN}\n{}\n{END}\n", BASE64_STANDARD.encode(der)));
    let store = TrustStore::empty().with_pem_certificate(pem.collect::<String>());
    let context = TlsContext::builder().with_trust_store(store).build();
    let context = context.expect("a trust store is valid");
    Builder::new().build_with_connector_fn(move |settings, components| {
        // The SDK makes a connector without settings to check the configuration, and drops it.
        let Some(settings) = settings else { return ConnectorBuilder::default().build_http() };
        let mut builder = ConnectorBuilder::default()
            .connector_settings(settings.clone())
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.build()
    })
}

/// Why a connection failed, if the server's certificate is the reason.
pub(super) fn certificate_problem(error: &(dyn Error + 'static)) -> Option<String> {
    let mut causes =
        iter::successors(Some(error), |&cause| match cause.downcast_ref::<io::Error>() {
            // The source of an `io::Error` is that of the error in it, and not the error itself.
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => cause.source(),
        });
    let tls = causes.find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    let rustls::Error::InvalidCertificate(problem) = tls else { return None };
    let problem = match problem {
        CertificateError::UnknownIssuer => {
            "its certificate authority is unknown. If a proxy or a private endpoint answers, give the \
             controller its authority with --ca-bundle"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired, or the clock of the controller's node is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet, or the clock of the controller's node is wrong"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it belongs to another name: check the endpoint, and the proxy if there is one"
        }
        _ => "it is invalid: check the endpoint, and the proxy if there is one",
    };
    Some(format!("the TLS certificate of the endpoint is not trusted: {problem}"))
}
