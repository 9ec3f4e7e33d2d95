//! A Secret as the API server returns it.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{Resource, api::ObjectMeta};
use sealing::Plaintext;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// A Secret that was read.
#[derive(Clone, Default, Deserialize)]
pub(crate) struct SecretObject {
    /// Its annotations may quote the data (`last-applied-configuration`).
    #[serde(default)]
    pub(crate) metadata: ObjectMeta,
    /// The API server fills in `Opaque`.
    #[serde(rename = "type", default)]
    pub(crate) type_: String,
    /// Whether the API server refuses to change the data.
    #[serde(default)]
    pub(crate) immutable: Option<bool>,
    /// The decoded values by key.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) data: BTreeMap<String, SecretValue>,
}

/// One value of a Secret. On the wire it is base64.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Plaintext> for SecretValue {
    fn from(plaintext: Plaintext) -> Self {
        Self(plaintext.into_bytes())
    }
}

impl From<&[u8]> for SecretValue {
    fn from(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    /// # Errors
    /// When the text is not base64. The error never quotes it.
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

impl Resource for SecretObject {
    type DynamicType = ();
    type Scope = <Secret as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        Secret::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Secret::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Secret::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Secret::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The owner reference with `controller: true`.
pub(crate) fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    let owners = metadata.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}

fn null_is_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, SecretValue>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

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
