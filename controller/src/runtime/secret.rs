//! Secrets on the wire, with data that is wiped and never printed.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Error, Resource,
    api::{ObjectMeta, PostParams, TypeMeta},
    core::Request,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::api::{RequestError, request};

/// On key Secrets: `active` means that the key is in use; with any other value it is not.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// The Secret that holds the key of all fingerprints.
pub(crate) const FINGERPRINT_KEY_SECRET: &str = "mtk-controller-fingerprint-key";
/// More than the JSON of the metadata of most Secrets.
const METADATA_BYTES: usize = 16 * 1024;

/// A Secret that was read, or one to create.
#[derive(Clone, Default, Deserialize, Resource, Serialize)]
#[resource(inherit = Secret)]
#[serde(default)]
pub(crate) struct SecretObject {
    /// Its annotations may quote the data (`last-applied-configuration`).
    pub(crate) metadata: ObjectMeta,
    /// The API server fills in `Opaque`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub(crate) type_: String,
    /// Whether the API server refuses to change the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) immutable: Option<bool>,
    /// The decoded values by key.
    #[serde(deserialize_with = "null_is_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) data: BTreeMap<String, SecretValue>,
}

/// One value of a Secret. On the wire it is base64.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct SecretValue(Zeroizing<Vec<u8>>);

/// Creates a Secret under this field manager. A conflict when a Secret of this name exists. Only
/// `target` and `keys` call it.
pub(crate) async fn create(
    client: &Client,
    field_manager: &str,
    secret: &SecretObject,
) -> Result<SecretObject, RequestError> {
    let namespace = secret.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<SecretObject> = Api::namespaced(client.clone(), namespace);
    let field_manager = Some(field_manager.to_owned());
    let params = PostParams { field_manager, ..PostParams::default() };
    let creation = Request::new(api.resource_url()).create(&params, body(secret));
    request(async { client.request(creation.map_err(Error::BuildRequest)?).await }).await
}

fn body(secret: &SecretObject) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(flatten)]
        types: TypeMeta,
        #[serde(flatten)]
        secret: &'a SecretObject,
    }
    let body = Body { types: TypeMeta::resource::<SecretObject>(), secret };
    // A growing buffer would leave copies behind that are not wiped.
    let values =
        secret.data.iter().map(|(key, value)| key.len() + value.expose().len() * 3 / 2 + 16);
    let mut bytes = Vec::with_capacity(values.sum::<usize>() + METADATA_BYTES);
    serde_json::to_writer(&mut bytes, &body).expect("a Secret is JSON");
    bytes
}

/// The owner reference with `controller: true`.
pub(crate) fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = metadata.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}

impl SecretValue {
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Vec<u8>>> for SecretValue {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for SecretValue {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    /// The error never quotes the text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = STANDARD
            .decode(text.as_bytes())
            .map_err(|_| serde::de::Error::custom("a value is not base64"))?;
        Ok(Self(Zeroizing::new(bytes)))
    }
}

impl Serialize for SecretValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(&*self.0)))
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

impl fmt::Debug for SecretObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretObject")
            .field("namespace", &self.metadata.namespace)
            .field("name", &self.metadata.name)
            .finish_non_exhaustive()
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, SecretValue>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn json_of(secret: &SecretObject) -> Json {
        serde_json::from_slice(&body(secret)).unwrap()
    }

    #[test]
    fn body_leaves_out_fields_without_a_value() {
        let metadata = ObjectMeta {
            namespace: Some("n".into()),
            name: Some("s".into()),
            ..ObjectMeta::default()
        };
        let mut secret = SecretObject { metadata, ..SecretObject::default() };
        assert_eq!(
            json_of(&secret),
            json!({ "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "namespace": "n", "name": "s" } })
        );
        secret.data = BTreeMap::from([("A".to_owned(), SecretValue::from(b"1".as_slice()))]);
        secret.type_ = "x/y".to_owned();
        secret.immutable = Some(true);
        assert_eq!(
            json_of(&secret),
            json!({ "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "namespace": "n", "name": "s" },
                    "type": "x/y", "immutable": true, "data": { "A": "MQ==" } })
        );
    }

    #[test]
    fn debug_output_shows_no_value_and_no_annotation() {
        let secret: SecretObject = serde_json::from_str(
            r#"{"metadata":{"name":"s","annotations":{"a":"canary"}},"data":{"A":"Y2FuYXJ5"}}"#,
        )
        .unwrap();
        assert_eq!(secret.data["A"].expose(), b"canary");
        let shown = format!("{secret:?} {:?}", secret.data);
        assert!(!shown.contains("canary") && !shown.contains("Y2FuYXJ5"), "{shown}");
    }

    #[test]
    fn parse_error_does_not_quote_the_value() {
        let error =
            serde_json::from_str::<SecretObject>(r#"{"data":{"A":"can!ary"}}"#).unwrap_err();
        assert!(!error.to_string().contains("can!ary"), "{error}");
    }
}
