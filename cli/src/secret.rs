//! A Secret in clear text on its way to be sealed. It cannot be printed.

use std::collections::BTreeMap;

use sealing::{Plaintext, Scope};

/// The most bytes of values that Kubernetes takes in one Secret (`MaxSecretSize`).
pub(crate) const MAX_DATA: usize = 1024 * 1024;

/// What a source says of one Secret. Flat sources say nothing but the data.
#[derive(Default)]
pub(crate) struct Secret {
    /// Where it was read, for errors: `secrets.env`, `secrets.yaml:12`.
    pub(crate) origin: String,
    /// `metadata.name`.
    pub(crate) name: Option<String>,
    /// `metadata.namespace`.
    pub(crate) namespace: Option<String>,
    /// What the scope annotations say, if they say anything.
    pub(crate) scope: Option<Scope>,
    /// `type`.
    pub(crate) type_: Option<String>,
    /// `immutable`.
    pub(crate) immutable: Option<bool>,
    /// `metadata.labels`.
    pub(crate) labels: BTreeMap<String, String>,
    /// `metadata.annotations` without those of scopes and those that hold copies of the data.
    pub(crate) annotations: BTreeMap<String, String>,
    /// The values.
    pub(crate) data: BTreeMap<String, Plaintext>,
}

impl Secret {
    /// The bytes of all values, as Kubernetes counts them.
    pub(crate) fn size(&self) -> usize {
        self.data.values().map(Plaintext::len).sum()
    }
}
