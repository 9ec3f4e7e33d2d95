//! The certificate that Bitnami's controller creates for a new key.
//!
//! It is the same, byte for byte, as Go's `x509.CreateCertificate` writes for that controller's
//! template. So tools that compare or parse certificates see the same form from both controllers.

use jiff::Timestamp;
use pki::{
    rsa::RsaKeyPair,
    x509::{NewCertificate, Purpose, common_name},
};

use crate::{key_error::KeyError, operations::count_operation};

/// The content of a certificate, apart from its key.
pub(crate) struct Contents<'a> {
    /// A number of 128 random bits, big-endian.
    pub(crate) serial: [u8; 16],
    /// Subject and issuer. Empty for a name without attributes, Bitnami's default.
    pub(crate) common_name: &'a str,
    /// Fractions of a second are dropped.
    pub(crate) not_before: Timestamp,
    /// Fractions of a second are dropped.
    pub(crate) not_after: Timestamp,
}

/// The certificate in DER, signed with its own key: one private-key operation.
pub(crate) fn certificate(contents: &Contents<'_>, pair: &RsaKeyPair) -> Result<Vec<u8>, KeyError> {
    if contents.not_before < Timestamp::UNIX_EPOCH {
        return Err(KeyError::Validity);
    }
    let name = common_name(contents.common_name.as_bytes()).map_err(|_| KeyError::Generation)?;
    let certificate = NewCertificate {
        serial: &contents.serial,
        issuer: &name,
        subject: &name,
        not_before: contents.not_before,
        not_after: contents.not_after,
        public_key: &pair.public_key().ok_or(KeyError::Generation)?,
        purpose: Purpose::Sealing,
        is_authority: true,
        authority_key_id: &[],
        dns_names: &[],
        addresses: &[],
    };
    certificate.sign(&RsaKeyPair::signature_algorithm(), |message| {
        count_operation();
        pair.sign(message).ok_or(KeyError::Generation)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{certificate::Certificate, key_file::pkcs1_from_pem};

    /// The key of the certificates that Go writes in `tests/pem/make`.
    fn bitnami_key() -> RsaKeyPair {
        let pkcs1 = pkcs1_from_pem(include_bytes!("../tests/pem/peer.key")).unwrap();
        RsaKeyPair::from_pkcs1(&pkcs1).unwrap()
    }

    #[test]
    fn certificate_matches_bitnami_byte_for_byte() {
        let [ten, thirty] = ["2036-01-02T03:04:05Z", "2056-01-02T03:04:05Z"];
        for (pem, common_name, serial, not_after) in [
            (
                &include_bytes!("../tests/pem/peer-no-cn.crt")[..],
                "",
                0xfedc_ba98_7654_3210_0123_4567_89ab_cdef_u128,
                ten,
            ),
            (
                include_bytes!("../tests/pem/peer-printable-cn.crt"),
                "seal (a): b=c?",
                0x7edc_ba98_7654_3210_0123_4567_89ab_cdef,
                thirty,
            ),
            (
                include_bytes!("../tests/pem/peer-utf8-cn.crt"),
                "sceau* é",
                0xba98_7654_3210_0123_4567_89ab_cdef,
                ten,
            ),
        ] {
            let contents = Contents {
                serial: serial.to_be_bytes(),
                common_name,
                not_before: "2026-01-02T03:04:05.9Z".parse().unwrap(),
                not_after: not_after.parse().unwrap(),
            };
            let der = certificate(&contents, &bitnami_key()).unwrap();
            let ours = Certificate::from_der(&der).unwrap().to_pem();
            assert_eq!(ours, String::from_utf8_lossy(pem), "{common_name:?}");
        }
    }

    #[test]
    fn validity_before_1970_is_rejected() {
        let contents = |not_before: &str| Contents {
            serial: [1; 16],
            common_name: "",
            not_before: not_before.parse().unwrap(),
            not_after: "2036-01-02T03:04:05Z".parse().unwrap(),
        };
        let error = certificate(&contents("1969-12-31T23:59:59Z"), &bitnami_key()).unwrap_err();
        assert_eq!(error, KeyError::Validity);
        assert!(certificate(&contents("1970-01-01T00:00:00Z"), &bitnami_key()).is_ok());
    }
}
