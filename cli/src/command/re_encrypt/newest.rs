//! The certificate to seal for: that of the flag, or else the newest of the key Secrets, or else that of the
//! project.

use jiff::Timestamp;
use sealing::{Certificate, SealingKey};

use super::error::ReEncryptError;
use crate::{
    certificate::{self, FetchedCertificate, GetError},
    error::Failure,
    project::Project,
};

pub(super) fn certificate(
    options: &certificate::Options,
    keys: &[SealingKey],
    project: Option<&Project>,
) -> Result<FetchedCertificate, Failure> {
    let of_keys = keys.iter().filter_map(SealingKey::certificate);
    let newest = of_keys.max_by_key(|certificate| certificate.not_before());
    let expected = project.map(|project| project.certificate.clone()).unwrap_or_default();
    if let (None, Some(newest)) = (&options.source, newest) {
        let newest = check(newest)?;
        let found = newest.certificate.fingerprint().to_string();
        return match expected.fingerprint {
            Some(pinned) if pinned != found => {
                Err(GetError::OtherFingerprint { origin: newest.origin, found, pinned }.into())
            }
            _ => Ok(newest),
        };
    }
    if options.source.is_none() && expected.source.is_none() {
        return Err(ReEncryptError::NoCertificate.into());
    }
    Ok(certificate::get(options, expected)?)
}

fn check(newest: &Certificate) -> Result<FetchedCertificate, Failure> {
    newest.check_validity(Timestamp::now()).map_err(|source| ReEncryptError::Expired { source })?;
    Ok(FetchedCertificate { certificate: newest.clone(), origin: "the newest key".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn expired_certificate_of_the_newest_key_is_an_error() {
        let pem = include_bytes!("../../../tests/cases/files/expired.crt");
        let failure = check(&Certificate::from_pem(pem).unwrap()).err().unwrap();
        assert_eq!(failure.exit, Exit::CertificateRefused);
        assert!(failure.cause.starts_with("cannot seal for the newest of the keys: "));
    }
}
