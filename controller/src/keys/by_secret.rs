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

/// The keys by Secret. None for a Secret that holds no usable key.
pub(super) type KeysBySecret = HashMap<KeySource, Option<LoadedKey>>;

pub(super) fn known(keys: &KeysBySecret, ring: &KeyRing) -> KnownKeys {
    KnownKeys { any_secret: !keys.is_empty(), newest: ring.newest() }
}
