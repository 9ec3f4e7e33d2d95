//! The certificate authorities that `https:` URLs are checked against: those of the system, or Mozilla's,
//! which are built in, where the system has none. The image contains nothing but the program.

use std::env;

use rustls::pki_types::CertificateDer;
use ureq::tls::{Certificate, RootCerts};

/// The variables that name the system's store.
const SYSTEM_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The authorities to trust.
pub(super) fn trusted() -> RootCerts {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_named = SYSTEM_VARIABLES.into_iter().any(is_set);
    roots(&rustls_native_certs::load_native_certs().certs, is_named)
}

/// An empty store that the user named is an error, which the verifier of the system reports.
fn roots(system: &[CertificateDer<'_>], is_named: bool) -> RootCerts {
    if !system.is_empty() || is_named {
        return RootCerts::PlatformVerifier;
    }
    let built_in: Vec<_> = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|authority| Certificate::from_der(authority))
        .collect();
    RootCerts::new_with_certs(&built_in)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        sync::Arc,
    };

    use rustls::{
        ServerConfig, ServerConnection, StreamOwned,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, pem::PemObject as _},
    };

    use super::*;
    use crate::certificate::url::{UrlError, fetch_with};

    const CA: &str = include_str!("../../../e2e/tls/ca.crt");
    const CERTIFICATE: &str = include_str!("../../../e2e/tls/server.crt");
    const KEY: &str = include_str!("../../../e2e/tls/server.key");

    fn ca() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()
    }

    /// Answers one request over TLS with `pem`.
    fn serve() -> String {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        std::thread::spawn(move || {
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = StreamOwned::new(connection, listener.accept().unwrap().0);
            // A client that does not trust us sends no request.
            if stream.read(&mut [0; 4096]).is_ok() {
                let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\npem";
                stream.write_all(head.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn system_without_authorities_gets_the_built_in_ones() {
        let RootCerts::Specific(built_in) = roots(&[], false) else { panic!("no built-in store") };
        assert!(built_in.len() > 50, "{}", built_in.len());
        assert!(matches!(roots(&[ca()], false), RootCerts::PlatformVerifier));
        assert!(matches!(roots(&[], true), RootCerts::PlatformVerifier), "the user named a store");
    }

    #[test]
    fn built_in_authorities_are_checked() {
        let error = fetch_with(&serve(), false, roots(&[], false)).unwrap_err();
        assert!(
            matches!(&error, UrlError::Tls { cause, .. } if cause.contains("UnknownIssuer")),
            "{error}"
        );
        let known = RootCerts::new_with_certs(&[Certificate::from_der(&ca()).to_owned()]);
        assert_eq!(fetch_with(&serve(), false, known).unwrap(), b"pem");
    }
}
