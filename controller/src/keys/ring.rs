//! All active sealing keys at one moment.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use sealing::{Certificate, Fingerprint, SealingKey};

/// The short name of a sealing key: the first 16 digits of its fingerprint.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct KeyId(String);

/// The keys, newest first, as Bitnami's controller orders them: by the start of their certificate.
#[derive(Default)]
pub(crate) struct KeyRing(Vec<(KeyId, Arc<SealingKey>)>);

impl KeyId {
    pub(crate) fn of(fingerprint: &Fingerprint) -> Self {
        let text = fingerprint.to_string();
        let digest = text.trim_start_matches("SHA256:");
        Self(digest.chars().take(16).collect())
    }

    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyRing {
    /// Two Secrets with the same key count once.
    pub(crate) fn new<'k>(keys: impl IntoIterator<Item = &'k Arc<SealingKey>>) -> Self {
        let by_id: BTreeMap<_, _> =
            keys.into_iter().map(|key| (KeyId::of(key.fingerprint()), key.clone())).collect();
        let mut keys: Vec<_> = by_id.into_iter().collect();
        // Stable, so keys of the same moment stay in the order of their ids.
        keys.sort_by_key(|(_, key)| {
            Reverse(key.certificate().map_or(Timestamp::MIN, Certificate::not_before))
        });
        Self(keys)
    }

    pub(crate) fn contains(&self, id: &KeyId) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// The certificate to seal with: that of the newest key that has one.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.0.iter().find_map(|(_, key)| key.certificate())
    }

    /// The keys in the order to try them: those that opened the object before, then the newest first.
    pub(crate) fn in_order(&self, first: &[KeyId]) -> impl Iterator<Item = &SealingKey> {
        let (before, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(id, _)| first.contains(id));
        before.into_iter().chain(others).map(|(_, key)| &**key)
    }

    /// The short names, newest first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.0.iter().map(|(id, _)| id)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
