//! The private half: an RSA key, and the certificate that belongs to it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{
        KeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
};
use jiff::{SignedDuration, Timestamp};
use rand::{TryRng as _, rngs::SysRng};
use x509_cert::der::pem::{LineEnding, encode_string};
use zeroize::Zeroizing;

use crate::{
    certificate::{Certificate, CertificateError, MAX_BITS, MIN_BITS, bits},
    fingerprint::Fingerprint,
    item::Item,
    pem::PemError,
    private_der,
    scope::Label,
    self_signed,
};

/// A private key of 2048 to 8192 bits, and its certificate where it is known.
///
/// `Debug` names the key and prints nothing of it. The key's bytes are wiped when it is dropped.
pub struct SealingKey {
    decrypting: OaepPrivateDecryptingKey,
    pkcs1: Zeroizing<Vec<u8>>,
    modulus: Vec<u8>,
    fingerprint: Fingerprint,
    certificate: Option<Certificate>,
}

impl SealingKey {
    /// Reads the first private key (PKCS#1 or PKCS#8) of a PEM text and the first certificate of
    /// another, each of at most 1 MiB. The certificate must be the key's.
    pub fn from_pem(
        private_key_pem: &[u8],
        certificate_pem: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let key = Self::from_pkcs1(private_der::from_pem(private_key_pem)?)?;
        match certificate_pem {
            None => Ok(key),
            Some(pem) => key.with_certificate(Certificate::from_pem(pem)?),
        }
    }

    /// Makes a key, and the certificate that the peer's controller would make for it: subject and
    /// issuer the common name, `keyUsage` `encipherOnly`, `isCA`.
    ///
    /// Takes a second or so for 4096 bits, of which the caller's thread is busy all.
    pub fn generate(options: &KeyOptions) -> Result<Self, KeyError> {
        let size = match options.bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            bits => return Err(KeyError::UnsupportedSize { bits }),
        };
        let not_after = options.not_before.checked_add(options.lifetime);
        let not_after = not_after.map_err(|_| KeyError::Validity)?;
        if not_after < options.not_before {
            return Err(KeyError::Validity);
        }
        let mut serial = [0; 16];
        SysRng.try_fill_bytes(&mut serial).map_err(|_| KeyError::Generation)?;

        let pair = KeyPair::generate(size).map_err(|_| KeyError::Generation)?;
        let contents = self_signed::Contents {
            serial,
            common_name: &options.common_name,
            not_before: options.not_before,
            not_after,
        };
        let certificate = Certificate::from_der(&self_signed::certificate(&contents, &pair)?)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Generation)?;
        let key = Self::from_pkcs1(private_der::from_pkcs8(pkcs8.as_ref())?)?;
        key.with_certificate(certificate)
    }

    /// The name of the key: its public half's OpenSSH fingerprint.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The size of the key in bits.
    pub fn modulus_bits(&self) -> usize {
        bits(&self.modulus)
    }

    /// The certificate, if one came with the key.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The key in PEM as PKCS#1 (`RSA PRIVATE KEY`), as key Secrets hold it.
    pub fn private_key_pem(&self) -> Zeroizing<String> {
        let pem = encode_string("RSA PRIVATE KEY", LineEnding::LF, &self.pkcs1);
        Zeroizing::new(pem.expect("a PEM label and a length that fits in memory"))
    }

    /// Whether this key can be the one an item was sealed for, judged by public numbers alone.
    pub(crate) fn fits(&self, item: &Item) -> bool {
        self.modulus.len() == item.wrapped_key().len()
    }

    /// Unwraps the session key: one private-key operation, in constant time.
    ///
    /// None if the key, the label or the ciphertext is not right; which of them is not told, and
    /// must not be (RFC 8017 §7.1.2, note).
    pub(crate) fn unwrap_session_key(
        &self,
        item: &Item,
        label: &Label,
    ) -> Option<Zeroizing<[u8; 32]>> {
        // RSADP (RFC 8017 §5.1.2): out of range, which both public numbers tell for nothing.
        if item.wrapped_key() >= &self.modulus[..] {
            return None;
        }
        let mut buffer = Zeroizing::new(vec![0; self.decrypting.min_output_size()]);
        let label = Some(label.as_bytes()).filter(|label| !label.is_empty());
        count_operation();
        let session_key = self
            .decrypting
            .decrypt(&OAEP_SHA256_MGF1SHA256, item.wrapped_key(), &mut buffer, label)
            .ok()?;
        Some(Zeroizing::new((&*session_key).try_into().ok()?))
    }

    fn from_pkcs1(pkcs1: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let (modulus, exponent) = private_der::public_numbers(&pkcs1)?;
        let bits = bits(modulus);
        if bits < MIN_BITS {
            return Err(KeyError::TooSmall { bits });
        }
        if bits > MAX_BITS {
            return Err(KeyError::TooLarge { bits });
        }
        let decrypting = PrivateDecryptingKey::from_pkcs8(&private_der::to_pkcs8(&pkcs1)?)
            .map_err(|_| KeyError::Rejected)
            .and_then(|key| OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Rejected))?;
        Ok(Self {
            decrypting,
            modulus: modulus.to_vec(),
            fingerprint: Fingerprint::of_rsa(modulus, exponent),
            pkcs1,
            certificate: None,
        })
    }

    fn with_certificate(self, certificate: Certificate) -> Result<Self, KeyError> {
        if *certificate.fingerprint() != self.fingerprint {
            return Err(KeyError::CertificateMismatch {
                key: self.fingerprint,
                certificate: certificate.fingerprint().clone(),
            });
        }
        Ok(Self { certificate: Some(certificate), ..self })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey")
            .field("fingerprint", &self.fingerprint)
            .field("modulus_bits", &self.modulus_bits())
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct KeyOptions {
    /// The modulus in bits: 2048, 3072, 4096 or 8192.
    pub bits: usize,
    /// Subject and issuer of the certificate; may be empty, as the peer's is by default.
    pub common_name: String,
    /// The start of the certificate's validity. Fractions of a second are dropped.
    pub not_before: Timestamp,
    /// How long the certificate is valid. Not negative, and it ends before the year 10000.
    pub lifetime: SignedDuration,
}

/// Why a private key cannot be read or made. No variant carries any of the key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The key's certificate cannot be read.
    #[error("its certificate cannot be read: {0}")]
    BadCertificate(#[from] CertificateError),
    /// A certificate alone.
    #[error("it holds a certificate, not a private key")]
    Certificate,
    /// The certificate is another key's.
    #[error("its certificate is of another key: {certificate}, and the key is {key}")]
    CertificateMismatch {
        /// The private key's fingerprint.
        key: Fingerprint,
        /// The certificate's.
        certificate: Fingerprint,
    },
    /// Encrypted with a password.
    #[error("it is encrypted with a password")]
    Encrypted,
    /// The library failed, or there was no randomness.
    #[error("the RSA key could not be generated")]
    Generation,
    /// The block's bytes are no RSA private key of two primes.
    #[error("it is not an RSA private key in PKCS#1 or PKCS#8")]
    Malformed,
    /// A key of an algorithm that the format does not have.
    #[error("it is {algorithm}; only RSA keys can open")]
    NotRsa {
        /// The algorithm's name, or its object identifier.
        algorithm: String,
    },
    /// PEM, but of something else.
    #[error("it holds {label}, not a private key")]
    OtherBlock {
        /// The first block's label.
        label: String,
    },
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A public key alone.
    #[error("it holds a public key, not a private key")]
    PublicKey,
    /// The numbers of the key do not belong together.
    #[error("its numbers do not make an RSA key")]
    Rejected,
    /// More than 8192 bits.
    #[error("the RSA key has {bits} bits, at most 8192 can be used")]
    TooLarge {
        /// The modulus's size.
        bits: usize,
    },
    /// Fewer than 2048 bits.
    #[error("the RSA key has {bits} bits, at least 2048 are needed")]
    TooSmall {
        /// The modulus's size.
        bits: usize,
    },
    /// A size that is not generated.
    #[error("RSA keys of {bits} bits are not generated: it is one of 2048, 3072, 4096, 8192")]
    UnsupportedSize {
        /// The size asked for.
        bits: usize,
    },
    /// The validity is negative, or leaves the years 1970 to 9999.
    #[error("the certificate's validity ends before it starts, or after the year 9999")]
    Validity,
}

/// How many RSA private-key operations this process has done: each key tried on each item, and one
/// signature for each key generated. An operation costs milliseconds, everything else here
/// microseconds. Never reset; for metrics, and for tests of what is skipped.
pub fn private_key_operations() -> u64 {
    OPERATIONS.load(Ordering::Relaxed)
}

pub(crate) fn count_operation() {
    OPERATIONS.fetch_add(1, Ordering::Relaxed);
}

static OPERATIONS: AtomicU64 = AtomicU64::new(0);
