//! Stores have no templates, but `--lint` checks their provider.

use std::fmt;

use crds::{SecretStoreSpec, provider::ProviderError};
use serde_json::json;
use sources::Node;

/// A SecretStore or ClusterSecretStore.
pub(crate) struct Store {
    /// `file:line`
    origin: String,
    kind: &'static str,
    /// With its namespace, if it has one.
    name: String,
    /// Why the controller cannot use it.
    pub(super) problem: Option<ProviderError>,
}

impl Store {
    /// None if the object has a different kind.
    pub(super) fn read(node: &Node, kind: &str, origin: &str) -> Option<Self> {
        let kind = ["SecretStore", "ClusterSecretStore"].into_iter().find(|one| *one == kind)?;
        let metadata = |field: &str| {
            let field = node.get("metadata").and_then(|metadata| metadata.get(field));
            field.and_then(Node::as_str)
        };
        let name = [metadata("namespace"), metadata("name")].into_iter().flatten();
        let spec = node.get("spec").map_or_else(|| json!({}), Node::to_json);
        let spec = serde_json::from_value::<SecretStoreSpec>(spec);
        let aws = spec.map_err(|_| ProviderError::Malformed).and_then(|spec| spec.aws());
        Some(Self {
            origin: origin.to_owned(),
            kind,
            name: name.collect::<Vec<_>>().join("/"),
            problem: aws.err(),
        })
    }

    /// `Kind at file:line`
    pub(super) fn place(&self) -> String {
        format!("{} at {}", self.kind, self.origin)
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.origin, self.kind, self.name.escape_debug())
    }
}
