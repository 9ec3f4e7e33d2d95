//! Keyed MACs (`docs/design/decisions.md`, decision 4).
//!
//! Every MAC is HMAC-SHA256 under a random key that only the controller's namespace holds, over
//! length-prefixed parts after a word that names its purpose. A user who sees an unkeyed hash could
//! test guesses of a weak value.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::Rng as _;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub(crate) struct MacKey(Zeroizing<[u8; 32]>);

/// One MAC, whole or truncated. The comparison is constant-time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mac<const BYTES: usize = 32>([u8; BYTES]);

/// A MAC under construction. Parts are length-prefixed, so no two sequences of parts collide.
pub(crate) struct Transcript(Hmac<Sha256>);

impl MacKey {
    pub(crate) const BYTES: usize = 32;

    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(crate) fn random() -> Self {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        rand::rng().fill_bytes(&mut *bytes);
        Self(bytes)
    }

    pub(crate) fn transcript(&self, purpose: &str) -> Transcript {
        let hmac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes any key length");
        let mut transcript = Transcript(hmac);
        transcript.part(purpose.as_bytes());
        transcript
    }

    pub(crate) fn mac<'p>(&self, purpose: &str, parts: impl IntoIterator<Item = &'p [u8]>) -> Mac {
        let mut transcript = self.transcript(purpose);
        parts.into_iter().for_each(|part| transcript.part(part));
        transcript.finish()
    }
}

impl Transcript {
    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    /// Adds a number, such as the number of the following parts.
    pub(crate) fn count(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }

    pub(crate) fn finish(self) -> Mac {
        Mac(self.0.finalize().into_bytes().into())
    }
}

impl Mac {
    pub(crate) fn truncated_64(&self) -> u64 {
        u64::from_be_bytes(self.0[..8].try_into().expect("a MAC has 32 bytes"))
    }

    pub(crate) fn truncated_128(&self) -> Mac<16> {
        Mac(self.0[..16].try_into().expect("a MAC has 32 bytes"))
    }
}

impl<const BYTES: usize> Mac<BYTES> {
    pub(crate) fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl<const BYTES: usize> fmt::Display for Mac<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const BYTES: usize> PartialEq for Mac<BYTES> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const BYTES: usize> Eq for Mac<BYTES> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        let key = MacKey::from_bytes(&[1; 32]).unwrap();
        let mac = |parts: [&str; 2]| key.mac("test", parts.map(str::as_bytes));
        assert_ne!(mac(["ab", "c"]), mac(["a", "bc"]));
    }
}
