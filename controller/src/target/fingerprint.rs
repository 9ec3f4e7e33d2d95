//! Keyed MACs over what went into a Secret and what is in it (design, decision 4).
//!
//! Every MAC is HMAC-SHA256 under a random key that only the controller's namespace holds, over
//! length-prefixed parts behind a word that names its purpose. An unkeyed hash would let anybody
//! who sees it guess a weak value; a MAC that is not bound to namespace and name would show which
//! objects hold the same value.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::object::SecretObject;
use crate::key::ObjectKey;

/// The 256-bit MAC key.
pub struct MacKey(Zeroizing<[u8; 32]>);

/// One MAC. Comparing takes the same time wherever the difference is.
#[derive(Clone, Copy, Debug)]
pub struct Mac([u8; 32]);

/// A 64-bit MAC of one label or annotation: tells presence, at 8 bytes a pair.
pub type PairMac = u64;

/// Whether a pair is a label or an annotation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PairKind {
    /// A label.
    Label,
    /// An annotation.
    Annotation,
}

/// A MAC in the making: parts are length-prefixed, so no two sequences of parts collide.
pub struct Transcript(Hmac<Sha256>);

impl MacKey {
    /// Length of the key in bytes.
    pub const BYTES: usize = 32;

    /// The key with these bytes; none when there are not exactly 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Starts a MAC for one purpose.
    pub fn transcript(&self, purpose: &str) -> Transcript {
        let hmac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("HMAC takes any key length");
        let mut transcript = Transcript(hmac);
        transcript.part(purpose.as_bytes());
        transcript
    }

    /// What a Secret holds: type, immutability and data, bound to its namespace and name.
    pub fn content(&self, key: &ObjectKey, secret: &SecretObject) -> Mac {
        let mut transcript = self.transcript("content");
        transcript.part(key.namespace.as_bytes());
        transcript.part(key.name.as_bytes());
        transcript.part(secret.type_.as_bytes());
        transcript.part(&[u8::from(secret.immutable.unwrap_or(false))]);
        transcript.count(secret.data.len());
        for (name, value) in &secret.data {
            transcript.part(name.as_bytes());
            transcript.part(value.expose());
        }
        transcript.finish()
    }

    /// The value of one item of a Secret, bound to namespace, Secret and item.
    pub fn item(&self, key: &ObjectKey, name: &str, value: &[u8]) -> [u8; 16] {
        let mut transcript = self.transcript("item");
        for part in [key.namespace.as_bytes(), key.name.as_bytes(), name.as_bytes(), value] {
            transcript.part(part);
        }
        let mac = transcript.finish();
        mac.0[..16].try_into().expect("a MAC has 32 bytes")
    }

    /// The name of an item, to find it by.
    pub fn item_name(&self, name: &str) -> u64 {
        let mut transcript = self.transcript("item-name");
        transcript.part(name.as_bytes());
        let mac = transcript.finish();
        u64::from_be_bytes(mac.0[..8].try_into().expect("a MAC has 32 bytes"))
    }

    /// One label or annotation.
    pub fn pair(&self, kind: PairKind, name: &str, value: &str) -> PairMac {
        let mut transcript = self.transcript(match kind {
            PairKind::Label => "label",
            PairKind::Annotation => "annotation",
        });
        transcript.part(name.as_bytes());
        transcript.part(value.as_bytes());
        let mac = transcript.finish();
        u64::from_be_bytes(mac.0[..8].try_into().expect("a MAC has 32 bytes"))
    }
}

impl Transcript {
    /// Adds one part.
    pub fn part(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    /// Adds a number, such as how many parts follow.
    pub fn count(&mut self, number: usize) {
        self.0.update(&(number as u64).to_be_bytes());
    }

    /// The MAC over all parts.
    pub fn finish(self) -> Mac {
        Mac(self.0.finalize().into_bytes().into())
    }
}

impl Mac {
    /// The MAC with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Mac {
    /// In hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl PartialEq for Mac {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Mac {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MacKey {
        MacKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn secret(json: &str) -> SecretObject {
        serde_json::from_str(json).unwrap()
    }

    fn named(name: &str) -> ObjectKey {
        ObjectKey { namespace: "n".into(), name: name.into() }
    }

    #[test]
    fn content_differs_by_key_name_type_immutability_and_data() {
        let base = secret(r#"{"type":"Opaque","data":{"A":"MQ==","B":""}}"#);
        let mac = key(1).content(&named("s"), &base);
        assert_eq!(mac, key(1).content(&named("s"), &base));
        assert_ne!(mac, key(2).content(&named("s"), &base));
        assert_ne!(mac, key(1).content(&named("t"), &base));
        for other in [
            r#"{"type":"x/y","data":{"A":"MQ==","B":""}}"#,
            r#"{"type":"Opaque","immutable":true,"data":{"A":"MQ==","B":""}}"#,
            r#"{"type":"Opaque","data":{"A":"MQ=="}}"#,
            r#"{"type":"Opaque","data":{"A":"","B":"MQ=="}}"#,
            r#"{"type":"Opaque","data":{"AB":"MQ=="}}"#,
        ] {
            assert_ne!(mac, key(1).content(&named("s"), &secret(other)), "{other}");
        }
    }

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        let mac = |parts: [&str; 2]| {
            let mut transcript = key(1).transcript("test");
            parts.iter().for_each(|part| transcript.part(part.as_bytes()));
            transcript.finish()
        };
        assert_ne!(mac(["ab", "c"]), mac(["a", "bc"]));
    }

    #[test]
    fn a_label_and_an_annotation_of_the_same_text_differ() {
        assert_ne!(
            key(1).pair(PairKind::Label, "a", "b"),
            key(1).pair(PairKind::Annotation, "a", "b")
        );
    }
}
