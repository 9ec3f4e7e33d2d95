//! A Secret as a source describes it.

use std::collections::BTreeMap;

use crate::secret_bytes::SecretBytes;

/// The most bytes of values that Kubernetes accepts in one Secret (`MaxSecretSize`).
pub const MAX_SECRET_BYTES: usize = 1024 * 1024;

/// A Secret as a source describes it. Flat sources give only the data.
#[derive(Default)]
pub struct Secret {
    /// Where it was read, for errors: `secrets.env`, `secrets.yaml:12`.
    pub origin: String,
    /// `metadata.name`.
    pub name: Option<String>,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// `type`.
    pub type_: Option<String>,
    /// `immutable`.
    pub immutable: Option<bool>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`, without those that hold copies of the data.
    pub annotations: BTreeMap<String, String>,
    /// The values.
    pub data: BTreeMap<String, SecretBytes>,
}

impl Secret {
    /// The bytes of all values, as Kubernetes counts them.
    pub fn size(&self) -> usize {
        self.data.values().map(SecretBytes::len).sum()
    }
}
