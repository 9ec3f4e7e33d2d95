//! MACs over what is in a Secret: all that the controller keeps of its data (`docs/design/decisions.md`,
//! decision 3).
//!
//! Each is bound to namespace and name: otherwise equal MACs would show which Secrets hold the same
//! value.

use std::{collections::BTreeMap, sync::Arc};

pub(crate) use crate::runtime::mac::{Mac, MacKey};
use crate::{key::ObjectKey, runtime::secret::SecretObject};

/// A 64-bit MAC of one label or annotation. It shows presence, at 8 bytes each.
pub(crate) type MetadataMac = u64;

/// The MACs of one item: 24 bytes for any size of item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemMac {
    /// The MAC of the item's name.
    pub(crate) name: u64,
    /// Over the value, bound to the Secret and the item's name.
    pub(crate) value: [u8; 16],
}

impl MacKey {
    /// Type, immutability and data of a Secret.
    pub(crate) fn content(&self, key: &ObjectKey, secret: &SecretObject) -> Mac {
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

    fn item(&self, key: &ObjectKey, name: &str, value: &[u8]) -> ItemMac {
        let mut transcript = self.transcript("item");
        for part in [key.namespace.as_bytes(), key.name.as_bytes(), name.as_bytes(), value] {
            transcript.part(part);
        }
        ItemMac { name: self.item_name(name), value: transcript.finish().truncated_128() }
    }

    fn item_name(&self, name: &str) -> u64 {
        let mut transcript = self.transcript("item-name");
        transcript.part(name.as_bytes());
        transcript.finish().truncated_64()
    }

    fn metadata(&self, purpose: &str, name: &str, value: &str) -> MetadataMac {
        let mut transcript = self.transcript(purpose);
        transcript.part(name.as_bytes());
        transcript.part(value.as_bytes());
        transcript.finish().truncated_64()
    }
}

/// The MACs of all items, sorted by that of the name.
pub(super) fn item_macs(mac_key: &MacKey, secret: &SecretObject) -> Arc<[ItemMac]> {
    let key = ObjectKey::of(&secret.metadata);
    let macs = secret.data.iter().map(|(name, value)| mac_key.item(&key, name, value.expose()));
    let mut macs: Vec<_> = macs.collect();
    macs.sort_unstable_by_key(|item| item.name);
    macs.into()
}

/// The MAC of one item's value, if the Secret has that item.
pub(crate) fn item_mac(mac_key: &MacKey, name: &str, items: &[ItemMac]) -> Option<[u8; 16]> {
    let name = mac_key.item_name(name);
    let place = items.binary_search_by_key(&name, |item| item.name).ok()?;
    Some(items[place].value)
}

/// The MACs of labels and annotations, sorted.
pub(crate) fn label_and_annotation_macs(
    mac_key: &MacKey,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Box<[MetadataMac]> {
    let label = |(name, value): (&String, &String)| mac_key.metadata("label", name, value);
    let annotation =
        |(name, value): (&String, &String)| mac_key.metadata("annotation", name, value);
    let labels = labels.iter().map(label);
    let mut macs: Vec<_> = labels.chain(annotations.iter().map(annotation)).collect();
    macs.sort_unstable();
    macs.into_boxed_slice()
}

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
    fn label_and_annotation_of_the_same_text_differ() {
        let (none, one) = (BTreeMap::new(), BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        assert_ne!(
            label_and_annotation_macs(&key(1), &one, &none),
            label_and_annotation_macs(&key(1), &none, &one)
        );
    }
}
