//! The part of a Secret that the controller keeps: ownership and MACs, never data
//! (`docs/design/decisions.md`, decision 3).
//!
//! The MAC of a value is bound to namespace and name: otherwise equal MACs would show which Secrets
//! hold the same value.

use std::{collections::BTreeMap, sync::Arc};

use kube::ResourceExt as _;

use super::{data_hash, ownership::OwnershipMetadata};
use crate::{
    key::ObjectKey,
    runtime::{
        api::version_of,
        mac::{Mac, MacKey},
        secret::{SecretObject, SecretValue},
    },
};

/// A 64-bit MAC of one label or annotation. It only shows whether the entry exists, and takes 8
/// bytes.
pub(crate) type MetadataMac = u64;

/// The MACs of one item: 24 bytes for any size of item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemMac {
    /// The MAC of the item's name.
    pub(crate) name: u64,
    /// Over the value, bound to the Secret and the item's name.
    pub(crate) value: Mac<16>,
}

/// One Secret as the watch last reported it, or as the controller last wrote it.
#[derive(Clone, Debug)]
pub(crate) struct SecretSnapshot {
    pub(super) version: u64,
    pub(crate) ownership: OwnershipMetadata,
    /// Over type, immutability and data.
    pub(crate) content: Mac,
    labels_and_annotations: Box<[MetadataMac]>,
    /// Whether it has External Secrets' label for Secrets that it manages.
    pub(crate) has_external_secrets_label: bool,
    /// Whether the hash in its annotation is that of its data; `None` without such an annotation.
    pub(crate) data_hash_matches: Option<bool>,
    /// The hash of the ExternalSecret that it was created for.
    pub(crate) created_by: Option<String>,
    /// One MAC for each item, if the index keeps them.
    pub(crate) items: Option<Arc<[ItemMac]>>,
}

impl SecretSnapshot {
    /// Without MACs of the items.
    pub(crate) fn of(mac_key: &MacKey, secret: &SecretObject) -> Self {
        let (labels, annotations) = (secret.labels(), secret.annotations());
        let managed = labels.get(data_hash::MANAGED);
        let data_hash = managed.and_then(|_| annotations.get(data_hash::DATA_HASH));
        Self {
            version: version_of(&secret.metadata),
            ownership: OwnershipMetadata::of(&secret.metadata),
            content: content_mac(mac_key, secret),
            labels_and_annotations: label_and_annotation_macs(mac_key, labels, annotations),
            has_external_secrets_label: managed.is_some_and(|value| value == "true"),
            data_hash_matches: data_hash.map(|hash| *hash == data_hash::data(&secret.data)),
            created_by: labels.get(data_hash::CREATED_BY).cloned(),
            items: None,
        }
    }

    /// Whether it has all these labels and annotations, possibly among others.
    pub(crate) fn has_labels_and_annotations(&self, macs: &[MetadataMac]) -> bool {
        macs.iter().all(|mac| self.labels_and_annotations.binary_search(mac).is_ok())
    }
}

/// The MACs of all items, sorted by that of the name.
pub(super) fn item_macs(mac_key: &MacKey, secret: &SecretObject) -> Arc<[ItemMac]> {
    let key = ObjectKey::of(&secret.metadata);
    let mac = |(name, value): (&String, &SecretValue)| {
        let parts = [key.namespace.as_bytes(), key.name.as_bytes(), name.as_bytes()];
        let mac = mac_key.mac("item", parts.into_iter().chain([value.expose()]));
        ItemMac { name: item_name_mac(mac_key, name), value: mac.truncated_128() }
    };
    let mut macs: Vec<_> = secret.data.iter().map(mac).collect();
    macs.sort_unstable_by_key(|item| item.name);
    macs.into()
}

/// The MAC of one item's value, if the Secret has that item.
pub(crate) fn item_mac(mac_key: &MacKey, name: &str, items: &[ItemMac]) -> Option<Mac<16>> {
    let name = item_name_mac(mac_key, name);
    let place = items.binary_search_by_key(&name, |item| item.name).ok()?;
    Some(items[place].value)
}

/// The MACs of labels and annotations, sorted.
pub(crate) fn label_and_annotation_macs(
    mac_key: &MacKey,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Box<[MetadataMac]> {
    let labels = labels.iter().map(|entry| ("label", entry));
    let annotations = annotations.iter().map(|entry| ("annotation", entry));
    let mac = |(purpose, (name, value)): (&str, (&String, &String))| {
        mac_key.mac(purpose, [name.as_bytes(), value.as_bytes()]).truncated_64()
    };
    let mut macs: Vec<_> = labels.chain(annotations).map(mac).collect();
    macs.sort_unstable();
    macs.into()
}

fn content_mac(mac_key: &MacKey, secret: &SecretObject) -> Mac {
    let key = ObjectKey::of(&secret.metadata);
    let mut transcript = mac_key.transcript("content");
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

fn item_name_mac(mac_key: &MacKey, name: &str) -> u64 {
    mac_key.mac("item-name", [name.as_bytes()]).truncated_64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MacKey {
        MacKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn secret(name: &str, json: &str) -> SecretObject {
        let mut secret: SecretObject = serde_json::from_str(json).unwrap();
        secret.metadata.namespace = Some("n".into());
        secret.metadata.name = Some(name.into());
        secret
    }

    #[test]
    fn content_differs_by_key_name_type_immutability_and_data() {
        let base = r#"{"type":"Opaque","data":{"A":"MQ==","B":""}}"#;
        let mac = content_mac(&key(1), &secret("s", base));
        assert_eq!(mac, content_mac(&key(1), &secret("s", base)));
        assert_ne!(mac, content_mac(&key(2), &secret("s", base)));
        assert_ne!(mac, content_mac(&key(1), &secret("t", base)));
        for other in [
            r#"{"type":"x/y","data":{"A":"MQ==","B":""}}"#,
            r#"{"type":"Opaque","immutable":true,"data":{"A":"MQ==","B":""}}"#,
            r#"{"type":"Opaque","data":{"A":"MQ=="}}"#,
            r#"{"type":"Opaque","data":{"A":"","B":"MQ=="}}"#,
            r#"{"type":"Opaque","data":{"AB":"MQ=="}}"#,
        ] {
            assert_ne!(mac, content_mac(&key(1), &secret("s", other)), "{other}");
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
