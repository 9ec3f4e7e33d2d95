//! The body of a Secret's creation.

use std::collections::BTreeMap;

use kube::api::ObjectMeta;
use serde::Serialize;
use zeroize::Zeroizing;

use super::object::SecretValue;

/// A Secret to create. Not printable.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretBody<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    immutable: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, SecretValue>,
}

impl<'a> SecretBody<'a> {
    /// Without a type, the API server makes it `Opaque`.
    pub(crate) fn new(
        metadata: ObjectMeta,
        type_: Option<&'a str>,
        immutable: bool,
        data: &'a BTreeMap<String, SecretValue>,
    ) -> Self {
        Self { api_version: "v1", kind: "Secret", metadata, type_, immutable, data }
    }

    /// The namespace to create it in.
    pub(super) fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("a Secret is JSON"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn json_of(body: &SecretBody<'_>) -> Json {
        serde_json::from_slice(&body.to_json()).unwrap()
    }

    #[test]
    fn body_leaves_out_fields_without_a_value() {
        let metadata = || ObjectMeta {
            namespace: Some("n".into()),
            name: Some("s".into()),
            ..ObjectMeta::default()
        };
        let none = BTreeMap::new();
        assert_eq!(
            json_of(&SecretBody::new(metadata(), None, false, &none)),
            json!({ "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "namespace": "n", "name": "s" } })
        );
        let data = BTreeMap::from([("A".to_owned(), SecretValue::from(b"1".as_slice()))]);
        assert_eq!(
            json_of(&SecretBody::new(metadata(), Some("x/y"), true, &data)),
            json!({ "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "namespace": "n", "name": "s" },
                    "type": "x/y", "immutable": true, "data": { "A": "MQ==" } })
        );
    }
}
