//! The part of a Secret that the controller keeps: MACs and ownership, never data.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    data_hash,
    fingerprint::{ItemMac, Mac, MacKey, MetadataMac, item_macs, label_and_annotation_macs},
    ownership::OwnershipMetadata,
};
use crate::{
    key::ObjectKey,
    runtime::{api::version_of, secret::SecretObject},
};

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
    /// One MAC for each item, where the index keeps them.
    pub(crate) items: Option<Arc<[ItemMac]>>,
}

impl SecretSnapshot {
    pub(crate) fn of(mac_key: &MacKey, secret: &SecretObject) -> Self {
        let metadata = &secret.metadata;
        let empty = BTreeMap::new();
        let labels = metadata.labels.as_ref().unwrap_or(&empty);
        let annotations = metadata.annotations.as_ref().unwrap_or(&empty);
        let managed = labels.get(data_hash::MANAGED);
        let data_hash = managed.and_then(|_| annotations.get(data_hash::DATA_HASH));
        Self {
            version: version_of(metadata),
            ownership: OwnershipMetadata::of(metadata),
            content: mac_key.content(&ObjectKey::of(metadata), secret),
            labels_and_annotations: label_and_annotation_macs(mac_key, labels, annotations),
            has_external_secrets_label: managed.is_some_and(|value| value == "true"),
            data_hash_matches: data_hash.map(|hash| *hash == data_hash::data(&secret.data)),
            created_by: labels.get(data_hash::CREATED_BY).cloned(),
            items: None,
        }
    }

    #[must_use]
    pub(super) fn with_items(self, mac_key: &MacKey, secret: &SecretObject) -> Self {
        Self { items: Some(item_macs(mac_key, secret)), ..self }
    }

    /// Whether it has all these labels and annotations. It may have others.
    pub(crate) fn has_labels_and_annotations(&self, macs: &[MetadataMac]) -> bool {
        macs.iter().all(|mac| self.labels_and_annotations.binary_search(mac).is_ok())
    }
}
