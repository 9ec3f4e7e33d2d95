//! New keys from the caller's randomness. The same randomness gives the same key.

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    cost::CURVE_OPERATION_STEPS,
    dsa, ec,
    private::{Kind, PrivateKey},
    rsa,
};
use crate::{
    error::{Error, Meter},
    pem,
};

impl PrivateKey {
    /// A new RSA key. The amount of work varies, so each part is charged when it is done.
    pub fn generate_rsa(
        meter: &mut dyn Meter,
        random: &mut dyn CryptoRng,
        bits: u32,
    ) -> Result<Self, Error> {
        rsa::Key::generate(meter, random, bits).map(|key| Self(Kind::Rsa(key)))
    }

    /// A new key on the curve P-256.
    pub fn generate_p256(meter: &mut dyn Meter, random: &mut dyn CryptoRng) -> Result<Self, Error> {
        meter.steps(CURVE_OPERATION_STEPS)?;
        Ok(Self(Kind::Ec(ec::Key::generate(random))))
    }

    /// A new Ed25519 key.
    pub fn generate_ed25519(
        meter: &mut dyn Meter,
        random: &mut dyn CryptoRng,
    ) -> Result<Self, Error> {
        meter.steps(CURVE_OPERATION_STEPS)?;
        let mut seed = Zeroizing::new([0; 32]);
        random.fill_bytes(&mut *seed);
        Ok(Self::from_ed25519_seed(&seed))
    }
}

/// A new DSA key in PEM. This crate only generates DSA keys. It does not sign with them.
pub fn generate_dsa_pem(
    meter: &mut dyn Meter,
    random: &mut dyn CryptoRng,
) -> Result<Zeroizing<String>, Error> {
    Ok(pem::encode("DSA PRIVATE KEY", &dsa::generate(meter, random)?))
}
