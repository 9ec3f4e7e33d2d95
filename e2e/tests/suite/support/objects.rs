//! Creating and reading objects.

use std::sync::LazyLock;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealing::{Certificate, Scope};
use serde_json::{Map, Value, json};

use super::clusters::key_pair;

/// A certificate to seal with.
pub(crate) struct Key(Certificate);

static RSA2048: LazyLock<Key> = LazyLock::new(|| vector_key("rsa2048"));

/// The certificate of a test key.
pub(crate) fn vector_key(name: &str) -> Key {
    let [_, certificate] = key_pair(name);
    Key::from_pem(&certificate)
}

impl Key {
    pub(crate) fn from_pem(pem: &str) -> Self {
        Self(Certificate::from_pem(pem.as_bytes()).unwrap())
    }

    /// Seals one value.
    pub(crate) fn seal(&self, scope: Scope, namespace: &str, name: &str, value: &str) -> String {
        let label = scope.label(namespace, name);
        self.0.seal(&label, value.as_bytes()).unwrap()
    }
}

/// A strict SealedSecret of these values for the shared cluster.
pub(crate) fn sealed(namespace: &str, name: &str, values: &[(&str, &str)]) -> Value {
    sealed_with(&RSA2048, Scope::Strict, namespace, name, values)
}

/// A SealedSecret of these values, annotated with the scope.
pub(crate) fn sealed_with(
    key: &Key,
    scope: Scope,
    namespace: &str,
    name: &str,
    values: &[(&str, &str)],
) -> Value {
    let items: Map<_, _> = values
        .iter()
        .map(|(item, value)| {
            let sealed = key.seal(scope, namespace, name, value);
            ((*item).to_owned(), json!(sealed))
        })
        .collect();
    let annotations: Map<_, _> = scope
        .annotation()
        .map(|annotation| (annotation.to_owned(), json!("true")))
        .into_iter()
        .collect();
    json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "namespace": namespace, "name": name, "annotations": annotations },
        "spec": { "encryptedData": items },
    })
}

/// A Secret of another owner.
pub(crate) fn foreign(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "namespace": namespace, "name": name },
        "stringData": { "mine": "1" },
    })
}

/// The condition of this type.
pub(crate) fn condition<'o>(object: &'o Value, type_: &str) -> Option<&'o Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == type_)
}

/// The reason of the condition `Ready`.
pub(crate) fn ready_reason(object: &Value) -> Option<&str> {
    condition(object, "Ready")?["reason"].as_str()
}

/// The values of a Secret as `KEY=VALUE`, sorted.
pub(crate) fn data(secret: &Value) -> Vec<String> {
    let Some(data) = secret["data"].as_object() else {
        return Vec::new();
    };
    data.iter()
        .map(|(key, value)| {
            let bytes = BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
            format!("{key}={}", String::from_utf8(bytes).unwrap())
        })
        .collect()
}

/// The text of a field, or an empty one.
pub(crate) fn text(field: &Value) -> String {
    field.as_str().unwrap_or_default().to_owned()
}

/// Removes the fields of a Secret that recordings do not have.
pub(crate) fn without_unrecorded_fields(secret: &mut Value) {
    secret["apiVersion"] = json!("v1");
    secret["kind"] = json!("Secret");
    let metadata = secret["metadata"].as_object_mut().unwrap();
    for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        metadata.remove(field);
    }
    if let Some(owners) = metadata.get_mut("ownerReferences") {
        for owner in owners.as_array_mut().unwrap() {
            owner["uid"] = json!("UID");
        }
    }
}
