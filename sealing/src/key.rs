//! The private half: an RSA key, and the certificate that belongs to it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use pki::{
    Fingerprint, pem,
    rsa::{GenerateError, RsaKeyPair, RsaPrivateKey, public_numbers},
};
use rand::{TryRng as _, rngs::SysRng};
use zeroize::Zeroizing;

use crate::{
    certificate::{Certificate, MAX_BITS, MIN_BITS},
    item::Item,
    key_error::KeyError,
    key_file,
    operations::count_operation,
    scope::Label,
    self_signed,
};

/// A private key of 2048 to 8192 bits, and its certificate if known.
///
/// `Debug` prints only the fingerprint. The key's bytes are wiped when it is dropped.
pub struct SealingKey {
    private_key: RsaPrivateKey,
    modulus_bits: usize,
    fingerprint: Fingerprint,
    certificate: Option<Certificate>,
}

impl SealingKey {
    /// Reads the first private key (PKCS#1 or PKCS#8) of a PEM text and the first certificate of
    /// another, each of at most 1 MiB. The certificate must belong to the key.
    pub fn from_pem(
        private_key_pem: &[u8],
        certificate_pem: Option<&[u8]>,
    ) -> Result<Self, KeyError> {
        let key = Self::from_pkcs1(key_file::pkcs1_from_pem(private_key_pem)?)?;
        match certificate_pem {
            None => Ok(key),
            Some(pem) => key.with_certificate(Certificate::from_pem(pem)?),
        }
    }

    /// Generates a key, and the certificate that Bitnami's controller would create for it: the common
    /// name as subject and issuer, `keyUsage` `encipherOnly`, `isCA`.
    ///
    /// 4096 bits take about a second of CPU time on the calling thread.
    pub fn generate(options: &KeyOptions) -> Result<Self, KeyError> {
        let not_after = options.not_before.checked_add(options.lifetime);
        let not_after = not_after.map_err(|_| KeyError::Validity)?;
        if not_after < options.not_before {
            return Err(KeyError::Validity);
        }
        let mut serial = [0; 16];
        SysRng.try_fill_bytes(&mut serial).map_err(|_| KeyError::Generation)?;

        let pair = RsaKeyPair::generate(options.bits).map_err(|error| match error {
            GenerateError::UnsupportedSize => KeyError::UnsupportedSize { bits: options.bits },
            GenerateError::Failed => KeyError::Generation,
        })?;
        let contents = self_signed::Contents {
            serial,
            common_name: &options.common_name,
            not_before: options.not_before,
            not_after,
        };
        let certificate = Certificate::from_der(&self_signed::certificate(&contents, &pair)?)?;
        let key = Self::from_pkcs1(pair.to_pkcs1().ok_or(KeyError::Generation)?)?;
        key.with_certificate(certificate)
    }

    /// The OpenSSH fingerprint of the public key.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The size of the key in bits.
    pub fn modulus_bits(&self) -> usize {
        self.modulus_bits
    }

    /// The certificate, if one came with the key.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The key in PEM as PKCS#1 (`RSA PRIVATE KEY`), as key Secrets hold it.
    pub fn private_key_pem(&self) -> Zeroizing<String> {
        pem::encode("RSA PRIVATE KEY", self.private_key.pkcs1())
    }

    /// Whether the item was sealed for a key of this size.
    pub(crate) fn fits(&self, item: &Item) -> bool {
        self.private_key.modulus().len() == item.wrapped_key().len()
    }

    /// Unwraps the session key: one private-key operation, in constant time.
    ///
    /// `None` for a wrong key, a wrong label and a changed ciphertext: to tell them apart would create
    /// an oracle (RFC 8017 §7.1.2, note).
    pub(crate) fn unwrap_session_key(
        &self,
        item: &Item,
        label: &Label,
    ) -> Option<Zeroizing<[u8; 32]>> {
        // Out of range for RSADP (RFC 8017 §5.1.2). Both numbers are public, so this needs no
        // private-key operation.
        if item.wrapped_key() >= self.private_key.modulus() {
            return None;
        }
        count_operation();
        let text = item.wrapped_key();
        let session_key = self.private_key.decrypt_oaep_sha256(label.as_bytes(), text)?;
        Some(Zeroizing::new(session_key[..].try_into().ok()?))
    }

    fn from_pkcs1(pkcs1: Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        let numbers = public_numbers(&pkcs1).ok_or(KeyError::Malformed)?;
        let modulus_bits = numbers.modulus_bits();
        if modulus_bits < MIN_BITS {
            return Err(KeyError::TooSmall { bits: modulus_bits });
        }
        if modulus_bits > MAX_BITS {
            return Err(KeyError::TooLarge { bits: modulus_bits });
        }
        let fingerprint = numbers.fingerprint();
        let private_key = RsaPrivateKey::from_pkcs1(pkcs1).ok_or(KeyError::Rejected)?;
        Ok(Self { private_key, modulus_bits, fingerprint, certificate: None })
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

/// The properties of a new key.
#[derive(Clone, Debug)]
pub struct KeyOptions {
    /// The modulus in bits: 2048, 3072, 4096 or 8192.
    pub bits: usize,
    /// Subject and issuer of the certificate; may be empty, as in Bitnami's default.
    pub common_name: String,
    /// The start of the certificate's validity. Fractions of a second are dropped.
    pub not_before: Timestamp,
    /// How long the certificate is valid. It must not be negative, and must end before the year
    /// 10000.
    pub lifetime: SignedDuration,
}
