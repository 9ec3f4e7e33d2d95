//! TLS: a certificate from files, which others may renew, or one that signs itself.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use pki::{
    Unlimited,
    keys::PrivateKey,
    x509::{NewCertificate, Purpose, common_name},
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

/// How often the files are read. The kubelet updates a mounted Secret about once a minute.
const READ_INTERVAL: Duration = Duration::from_secs(10);
/// A process does not live as long as that.
const SELF_SIGNED_VALIDITY: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);

/// Where a certificate and its key come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Certificate {
    /// The process creates them when it starts.
    SelfSigned,
    Files {
        /// The certificate, and those of its issuers, as PEM.
        chain: PathBuf,
        key: PathBuf,
    },
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("cannot read the {what} in {}: {reason}", .path.display())]
    Unreadable { what: &'static str, path: PathBuf, reason: String },
    #[error("{} contains no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("the certificate and the private key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("cannot create a certificate: {0}")]
    NotCreated(#[from] pki::Error),
}

/// The certificate in use.
struct Current(Mutex<Arc<CertifiedKey>>);

/// Accepts TLS connections. It uses renewed files within seconds.
///
/// # Errors
/// When the files cannot be used now.
pub(super) fn acceptor(certificate: Certificate) -> Result<TlsAcceptor, TlsError> {
    let current = Arc::new(Current(Mutex::new(Arc::new(certificate.load()?))));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(current.clone());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if certificate != Certificate::SelfSigned {
        tokio::spawn(current.follow(certificate));
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Certificate {
    fn load(&self) -> Result<CertifiedKey, TlsError> {
        let (chain, key) = match self {
            Self::SelfSigned => self_signed()?,
            Self::Files { chain, key } => (read_chain(chain)?, read_key(key)?),
        };
        // It also checks that the key belongs to the certificate.
        Ok(CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?)
    }
}

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again and again. While they cannot be used, the last certificate stays.
    async fn follow(self: Arc<Self>, certificate: Certificate) {
        let mut is_failing = false;
        loop {
            tokio::time::sleep(READ_INTERVAL).await;
            match certificate.load() {
                Ok(new) => {
                    is_failing = false;
                    self.replace(new);
                }
                Err(error) if !is_failing => {
                    is_failing = true;
                    warn!(%error, "keeping the last certificate of the metrics endpoint");
                }
                Err(_) => {}
            }
        }
    }

    fn replace(&self, new: CertifiedKey) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if current.cert != new.cert {
            *current = Arc::new(new);
            info!("using the renewed certificate of the metrics endpoint");
        }
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_chain(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |error| unreadable("certificate", path, &error);
    let chain = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(unreadable)?;
    if chain.is_empty() { Err(TlsError::NoCertificate(path.clone())) } else { Ok(chain) }
}

fn read_key(path: &PathBuf) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| unreadable("private key", path, &error))
}

/// The library's own text quotes the file, and so perhaps a key whose line breaks are lost.
fn unreadable(what: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it contains none as PEM".to_owned(),
        _ => "it is not valid PEM".to_owned(),
    };
    TlsError::Unreadable { what, path: path.to_owned(), reason }
}

/// As controller-runtime, for `localhost`: a client that verifies certificates needs one from files.
fn self_signed() -> Result<Pair, pki::Error> {
    let mut random = rand::rng();
    let key = PrivateKey::generate_p256(&mut Unlimited, &mut random)?;
    let public_key = key.public_key()?.to_der();
    let name = common_name(b"localhost")?;
    let now = Timestamp::now();
    let certificate = NewCertificate {
        serial: &rand::random::<[u8; 16]>(),
        issuer: &name,
        subject: &name,
        not_before: now,
        not_after: now + SELF_SIGNED_VALIDITY,
        public_key: &public_key,
        purpose: Purpose::Tls,
        is_authority: true,
        authority_key_id: &[],
        dns_names: &[b"localhost"],
        addresses: &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
    };
    let der = certificate
        .sign(&key.signature_algorithm()?, |message| key.sign(&mut Unlimited, message))?;
    let key = PrivateKeyDer::Pkcs8(key.to_pkcs8()?.to_vec().into());
    Ok((vec![der.into()], key))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Writes a new pair of files.
    fn write_pair(directory: &Path) -> (Certificate, CertificateDer<'static>) {
        let (chain, key) = self_signed().unwrap();
        let text = |label, der| pki::pem::encode(label, der).as_bytes().to_vec();
        let files =
            Certificate::Files { chain: directory.join("tls.crt"), key: directory.join("tls.key") };
        fs::write(directory.join("tls.crt"), text("CERTIFICATE", &chain[0])).unwrap();
        fs::write(directory.join("tls.key"), text("PRIVATE KEY", key.secret_der())).unwrap();
        (files, chain[0].clone())
    }

    #[tokio::test(start_paused = true)]
    async fn renewed_files_are_used_and_broken_ones_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let (files, first) = write_pair(directory.path());
        let current = Arc::new(Current(Mutex::new(Arc::new(files.load().unwrap()))));
        let follow = tokio::spawn(current.clone().follow(files));
        assert_eq!(current.get().cert, std::slice::from_ref(&first));
        let key = fs::read(directory.path().join("tls.key")).unwrap();
        let (_, second) = write_pair(directory.path());
        let new_key = fs::read(directory.path().join("tls.key")).unwrap();
        fs::write(directory.path().join("tls.key"), key).unwrap();
        tokio::time::sleep(2 * READ_INTERVAL).await;
        assert_eq!(current.get().cert, [first], "the key is not that of the new certificate");
        fs::write(directory.path().join("tls.key"), new_key).unwrap();
        tokio::time::sleep(2 * READ_INTERVAL).await;
        assert_eq!(current.get().cert, [second]);
        follow.abort();
    }

    #[test]
    fn unusable_files_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let (files, _) = write_pair(directory.path());
        let reason = || files.load().err().unwrap().to_string();
        fs::write(directory.path().join("tls.key"), "no key").unwrap();
        assert!(
            reason().contains("private key in") && reason().contains("tls.key"),
            "{}",
            reason()
        );
        for line in
            ["-----BEGIN PRIVATE KEY-----canary-----END PRIVATE KEY-----", "-----BEGIN canary"]
        {
            fs::write(directory.path().join("tls.key"), line).unwrap();
            let numbers = format!("{:?}", b"canary");
            let numbers = numbers.trim_matches(['[', ']']);
            assert!(!reason().contains("canary") && !reason().contains(numbers), "{}", reason());
        }
        fs::write(directory.path().join("tls.crt"), "").unwrap();
        assert!(reason().contains("tls.crt contains no certificate"), "{}", reason());
        fs::remove_file(directory.path().join("tls.crt")).unwrap();
        assert!(reason().contains("certificate in"), "{}", reason());
    }
}
