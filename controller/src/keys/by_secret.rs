//! The active key Secrets.

use std::collections::HashMap;

use super::{
    plan::KnownKeys,
    ring::{KeyRing, LoadedKey},
};

/// The Secret of a key.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum KeySource {
    Labelled(String),
    /// The Secret that has the plain name of the prefix, and no label.
    Unlabelled,
}

/// The keys of the store, and how many removals it has seen.
#[derive(Default)]
pub(super) struct ActiveKeys {
    pub(super) by_secret: KeysBySecret,
    removals: u64,
}

/// The number of removals at a time. A list is stale if the number has changed since: it may have a key that was
/// removed meanwhile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Removals(u64);

impl ActiveKeys {
    pub(super) fn removals(&self) -> Removals {
        Removals(self.removals)
    }

    /// Counts also if the Secret is not known: the answer to a list that runs may have it.
    pub(super) fn remove(&mut self, source: &KeySource) {
        self.removals += 1;
        self.by_secret.remove(source);
    }

    pub(super) fn retain(&mut self, keeps: impl Fn(&KeySource) -> bool) {
        self.removals += 1;
        self.by_secret.retain(|source, _| keeps(source));
    }
}

/// The keys by Secret. None for a Secret that holds no usable key.
pub(super) type KeysBySecret = HashMap<KeySource, Option<LoadedKey>>;

pub(super) fn known(keys: &KeysBySecret, ring: &KeyRing) -> KnownKeys {
    KnownKeys { any_secret: !keys.is_empty(), newest: ring.newest() }
}
