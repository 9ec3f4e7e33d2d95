//! A Secret as it is written.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealing::Plaintext;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Sorted, and without what is empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    api_version: &'static str,
    data: BTreeMap<String, Zeroizing<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    kind: &'static str,
    metadata: Metadata,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_: Option<String>,
}

#[derive(Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
}

impl Document {
    /// A Secret under this name, whatever it says itself.
    pub(crate) fn new(secret: Secret, name: &str, namespace: &str) -> Self {
        let encode = |(key, value): (String, Plaintext)| {
            (key, Zeroizing::new(STANDARD.encode(value.expose())))
        };
        Self {
            api_version: "v1",
            data: secret.data.into_iter().map(encode).collect(),
            immutable: secret.immutable,
            kind: "Secret",
            metadata: Metadata {
                annotations: secret.annotations,
                labels: secret.labels,
                name: name.to_owned(),
                namespace: namespace.to_owned(),
            },
            type_: secret.type_,
        }
    }
}
