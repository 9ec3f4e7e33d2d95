//! Charges operations of the crate `pki` to the meter of the rendering.

use gotemplate::{Failure, Limit, Meter};
use pki::{
    Exhausted,
    x509::{AlternativeName, Certificate, is_domain},
};

use crate::url;

/// The limits of a rendering as the budget of `pki`.
pub(crate) struct Metered<'m, 'e>(pub(crate) &'m mut Meter<'e>);

impl pki::Meter for Metered<'_, '_> {
    fn steps(&mut self, count: u64) -> Result<(), Exhausted> {
        self.0.steps(count).map_err(exhausted)
    }

    fn bytes(&mut self, count: usize) -> Result<(), Exhausted> {
        self.0.bytes(count).map_err(exhausted)
    }
}

fn exhausted(limit: Limit) -> Exhausted {
    match limit {
        Limit::Bytes => Exhausted::Bytes,
        Limit::Time => Exhausted::Time,
        _ => Exhausted::Steps,
    }
}

/// The failure of a function after an error of `pki`.
pub(crate) fn failure(error: pki::Error) -> Failure {
    match error {
        pki::Error::Invalid(reason) => Failure::Because(reason),
        pki::Error::Exhausted(Exhausted::Bytes) => Failure::Limit(Limit::Bytes),
        pki::Error::Exhausted(Exhausted::Steps) => Failure::Limit(Limit::Steps),
        pki::Error::Exhausted(Exhausted::Time) => Failure::Limit(Limit::Time),
    }
}

/// Parses a certificate. `None` if Go rejects it, also because of a malformed URI among its names.
pub(crate) fn certificate(der: &[u8]) -> Option<Certificate<'_>> {
    let certificate = Certificate::parse(der)?;
    let is_valid = |name| match name {
        AlternativeName::Uri(uri) => url::parse(uri).is_some_and(|url| is_domain(&url.host)),
        _ => true,
    };
    certificate.alternative_names().into_iter().all(is_valid).then_some(certificate)
}
