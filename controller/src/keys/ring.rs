//! The active sealing keys in their order: an immutable snapshot that is replaced as a whole.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use clap::ValueEnum;
use jiff::Timestamp;
use sealing::{Certificate, Fingerprint, SealingKey};

/// The short name of a sealing key: the first 16 digits of its fingerprint.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct KeyId(String);

/// The key of a Secret.
#[derive(Clone)]
pub(super) struct LoadedKey {
    pub(super) key: Arc<SealingKey>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) backed_up_at: Option<Timestamp>,
}

/// The time that decides which key is the newest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum KeyOrder {
    /// The start of its certificate
    #[default]
    #[value(name = "CertNotBefore")]
    CertificateStart,
    /// The creation of its Secret
    #[value(name = "SecretCreationTimestamp")]
    SecretCreation,
}

/// The keys, newest first, as Bitnami's controller orders them.
#[derive(Default)]
pub(crate) struct KeyRing(Vec<(KeyId, RingKey)>);

#[derive(Clone)]
struct RingKey {
    key: Arc<SealingKey>,
    /// The time that the order depends on.
    since: Timestamp,
    created_at: Timestamp,
}

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

impl LoadedKey {
    pub(super) fn id(&self) -> KeyId {
        KeyId::of(self.key.fingerprint())
    }

    #[cfg(test)]
    pub(super) fn without_secret(key: SealingKey) -> Self {
        Self { key: Arc::new(key), created_at: None, backed_up_at: None }
    }
}

impl KeyRing {
    /// Two Secrets with the same key count once, with the newer certificate. Of two keys with the same
    /// time, the Secret that was created first comes first.
    pub(super) fn new<'k>(keys: impl IntoIterator<Item = &'k LoadedKey>, order: KeyOrder) -> Self {
        let mut by_id = BTreeMap::<_, RingKey>::new();
        for loaded in keys {
            let key = RingKey::new(loaded, order);
            let known = by_id.entry(loaded.id()).or_insert_with(|| key.clone());
            if known.order() > key.order() {
                *known = key;
            }
        }
        let mut keys: Vec<_> = by_id.into_iter().collect();
        // Stable, so keys of the same moment stay in the order of their ids.
        keys.sort_by_key(|(_, key)| key.order());
        Self(keys)
    }

    #[cfg(test)]
    pub(crate) fn of_one(key: SealingKey) -> Self {
        Self::new([&LoadedKey::without_secret(key)], KeyOrder::default())
    }

    /// Whether the other ring has the same keys in the same order with the same certificates.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let content = |(id, key): &(KeyId, RingKey)| {
            (id.clone(), key.since, key.key.certificate().map(Certificate::to_pem))
        };
        self.0.iter().map(content).eq(other.0.iter().map(content))
    }

    pub(crate) fn contains(&self, id: &KeyId) -> bool {
        self.0.iter().any(|(known, _)| known == id)
    }

    /// The certificate to seal with: that of the newest key with a certificate.
    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        self.sealing().and_then(|key| key.key.certificate())
    }

    /// The time of the key to seal with.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.sealing().map(|key| key.since)
    }

    fn sealing(&self) -> Option<&RingKey> {
        self.0.iter().map(|(_, key)| key).find(|key| key.key.certificate().is_some())
    }

    /// The keys in the order to try them: those that opened the object before, then the newest first.
    pub(crate) fn in_order(&self, first: &[KeyId]) -> impl Iterator<Item = &SealingKey> {
        let (before, others): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(id, _)| first.contains(id));
        before.into_iter().chain(others).map(|(_, key)| &*key.key)
    }

    /// The ids, newest first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.0.iter().map(|(id, _)| id)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl RingKey {
    fn new(loaded: &LoadedKey, order: KeyOrder) -> Self {
        let created_at = loaded.created_at.unwrap_or(Timestamp::MIN);
        let certified_at = loaded.key.certificate().map(Certificate::not_before);
        let since = match order {
            KeyOrder::CertificateStart => certified_at.unwrap_or(Timestamp::MIN),
            KeyOrder::SecretCreation => created_at,
        };
        Self { key: loaded.key.clone(), since, created_at }
    }

    /// The newest key, with the Secret that was created first, is the smallest. A key that cannot seal is
    /// the largest.
    fn order(&self) -> (bool, Reverse<Timestamp>, Timestamp) {
        (self.key.certificate().is_none(), Reverse(self.since), self.created_at)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use sealing::KeyOptions;

    use super::*;

    const KEY: &[u8] = include_bytes!("../../../sealing/tests/vectors/keys/rsa2048.key");

    /// A key whose certificate starts and whose Secret was created in these years.
    fn key(certified: i64, created: i64) -> LoadedKey {
        let year = |year: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(year * 8766);
        let options = KeyOptions {
            bits: 2048,
            common_name: String::new(),
            not_before: year(certified),
            lifetime: SignedDuration::from_hours(1),
        };
        let key = SealingKey::generate(&options).unwrap();
        LoadedKey { created_at: Some(year(created)), ..LoadedKey::without_secret(key) }
    }

    fn order(keys: &[&LoadedKey], order: KeyOrder) -> Vec<KeyId> {
        KeyRing::new(keys.iter().copied(), order).ids().cloned().collect()
    }

    #[test]
    fn newest_key_comes_first_by_the_chosen_time() {
        let (a, b) = (key(30, 40), key(31, 39));
        let [a_id, b_id] = [a.id(), b.id()];
        let both = [&a, &b];
        assert_eq!(order(&both, KeyOrder::CertificateStart), [b_id.clone(), a_id.clone()]);
        assert_eq!(order(&both, KeyOrder::SecretCreation), [a_id, b_id]);
    }

    #[test]
    fn secret_that_was_created_first_wins_a_tie() {
        let (older, newer) = (key(30, 39), key(30, 40));
        for keys in [[&older, &newer], [&newer, &older]] {
            assert_eq!(order(&keys, KeyOrder::CertificateStart), [older.id(), newer.id()]);
        }
    }

    #[test]
    fn key_without_a_certificate_opens_but_never_seals() {
        let sealing = key(30, 30);
        let opening = LoadedKey {
            created_at: Some(Timestamp::MAX),
            ..LoadedKey::without_secret(SealingKey::from_pem(KEY, None).unwrap())
        };
        for order in [KeyOrder::CertificateStart, KeyOrder::SecretCreation] {
            let ring = KeyRing::new([&opening, &sealing], order);
            assert_eq!(ring.certificate().unwrap().fingerprint(), sealing.key.fingerprint());
            assert_eq!(ring.len(), 2);
            assert_eq!(KeyRing::new([&opening], order).newest(), None);
        }
    }
}
