//! The names and hashes by which External Secrets recognises its Secrets, byte for byte. So either
//! of the two finds the other's Secrets in sync.

use std::{collections::BTreeMap, fmt::Write as _};

use kube::api::ObjectMeta;
use sha3::{Digest as _, Sha3_224};
use zeroize::Zeroizing;

use crate::runtime::secret::SecretValue;

/// Label on each Secret that External Secrets manages.
pub(crate) const MANAGED: &str = "reconcile.external-secrets.io/managed";
/// Label on an owned Secret: the hash of its owner's name.
pub(crate) const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";
/// Annotation on each Secret: the hash of its data.
pub(crate) const DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";
/// The prefix of all field managers of External Secrets.
pub(crate) const FIELD_MANAGERS: &str = "externalsecrets.external-secrets.io/";

/// The hash of the data: over the text that Go prints for a map of bytes. Compatibility requires a
/// hash without a key. A flag turns it off.
pub(crate) fn data(data: &BTreeMap<String, SecretValue>) -> String {
    let size: usize =
        data.iter().map(|(key, value)| key.len() + 4 * value.expose().len() + 4).sum();
    let mut text = Zeroizing::new(String::with_capacity(size + 5));
    text.push_str("map[");
    for (index, (key, value)) in data.iter().enumerate() {
        let _ = write!(text, "{}{key}:[", space_before(index));
        for (index, byte) in value.expose().iter().enumerate() {
            let _ = write!(text, "{}{byte}", space_before(index));
        }
        text.push(']');
    }
    text.push(']');
    sha3(&text)
}

/// The generation, and the hash of labels and annotations: the version of an ExternalSecret.
pub(crate) fn version(metadata: &ObjectMeta) -> String {
    let annotations = map(metadata.annotations.as_ref());
    let labels = map(metadata.labels.as_ref());
    let hash = sha3(&format!("{{annotations:{annotations} labels:{labels}}}"));
    format!("{}-{hash}", metadata.generation.unwrap_or_default())
}

/// The value of [`CREATED_BY`].
pub(crate) fn created_by(namespace: &str, name: &str) -> String {
    sha3(&format!("{namespace}/{name}"))
}

/// The field manager of the Secret of this ExternalSecret.
pub(crate) fn field_manager(name: &str) -> String {
    let manager = format!("{FIELD_MANAGERS}{name}");
    if manager.len() <= 63 {
        return manager;
    }
    format!("{FIELD_MANAGERS}sha3/{}", sha3(name))
}

fn map(map: Option<&BTreeMap<String, String>>) -> String {
    let entries = map.into_iter().flatten().map(|(key, value)| format!("{key}:{value}"));
    format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
}

fn space_before(index: usize) -> &'static str {
    if index == 0 { "" } else { " " }
}

fn sha3(text: &str) -> String {
    let digest = Sha3_224::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(56), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn hash(pairs: &[(&str, &str)]) -> String {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), value.as_bytes().into());
        data(&pairs.iter().map(pair).collect())
    }

    /// Vectors from External Secrets' own tests.
    #[test]
    fn data_hashes_are_those_of_external_secrets() {
        let two = [("foo", "value1"), ("bar", "value2")];
        assert_eq!(hash(&two), "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64");
        let one = [("foo", "bar")];
        assert_eq!(hash(&one), "f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36");
        assert_eq!(sha3("hello there"), "f78681ec611ebaeea0689bff6c7812a83ff98a7faba986d9af76c999");
    }

    #[test]
    fn version_covers_generation_labels_and_annotations() {
        let mut metadata = ObjectMeta { generation: Some(3), ..ObjectMeta::default() };
        assert_eq!(
            version(&metadata),
            "3-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
        );
        metadata.annotations = Some(pairs(&[("a", "1"), ("b", "2")]));
        metadata.labels = Some(pairs(&[("app", "x")]));
        assert_eq!(
            version(&metadata),
            "3-7a9d14fc4c98c8b2363ada4bb72d815002f918edc3da4746679c79ee"
        );
    }

    /// Recorded, x01. Long names are those that External Secrets writes.
    #[test]
    fn label_and_field_manager_are_those_of_external_secrets() {
        assert_eq!(
            created_by("eso-x01", "s"),
            "3b1fb97d66d4ac919848200f7a2503cdada8d9569efbb2eb4ba908f6"
        );
        assert_eq!(field_manager("s"), "externalsecrets.external-secrets.io/s");
        let longest = "a".repeat(27);
        assert_eq!(field_manager(&longest).len(), 63);
        let hashed = field_manager(&"a".repeat(28));
        assert!(hashed.starts_with("externalsecrets.external-secrets.io/sha3/"), "{hashed}");
        assert_eq!(hashed.len(), 41 + 56);
    }
}
