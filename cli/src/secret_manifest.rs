//! The manifest of a Secret in clear text, as `unseal` and `template` write it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use zeroize::Zeroizing;

/// Everything in a Secret except its name and namespace. It cannot be printed.
#[derive(Default)]
pub(crate) struct SecretContent {
    pub(crate) type_: Option<String>,
    pub(crate) immutable: Option<bool>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) data: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

/// The manifest of a Secret: keys sorted, empty fields left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretManifest {
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

impl SecretManifest {
    /// The manifest of a Secret with this name and namespace.
    pub(crate) fn new(content: SecretContent, name: &str, namespace: &str) -> Self {
        let encode = |(key, value): (String, Zeroizing<Vec<u8>>)| {
            (key, Zeroizing::new(STANDARD.encode(value.as_slice())))
        };
        Self {
            api_version: "v1",
            data: content.data.into_iter().map(encode).collect(),
            immutable: content.immutable,
            kind: "Secret",
            metadata: Metadata {
                annotations: content.annotations,
                labels: content.labels,
                name: name.to_owned(),
                namespace: namespace.to_owned(),
            },
            type_: content.type_,
        }
    }
    /// The values by `namespace/name` and key.
    pub(crate) fn values(
        &self,
    ) -> impl Iterator<Item = ((String, String), Zeroizing<Vec<u8>>)> + '_ {
        let Metadata { name, namespace, .. } = &self.metadata;
        let object =
            if namespace.is_empty() { name.clone() } else { format!("{namespace}/{name}") };
        self.data.iter().map(move |(key, value)| {
            // The text was encoded above.
            let value = Zeroizing::new(STANDARD.decode(value.as_bytes()).unwrap_or_default());
            ((object.clone(), key.clone()), value)
        })
    }
}
