//! Decodes the objects of lists and watches one by one.
//!
//! A type may be stricter than the API server: Go accepts dates of the year 9999 in `managedFields`,
//! and any user who may patch an object may put them there. If the page of a list were decoded as a
//! whole, one such object would stop the watch of all namespaces.

use std::borrow::Cow;

use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// An object of this type, or the identity of one that cannot be decoded.
#[derive(Clone, Debug)]
pub(crate) enum Lenient<K> {
    Decoded(K),
    Undecodable(Box<ObjectMeta>),
}

impl<K> Lenient<K> {
    pub(crate) fn decoded(self) -> Option<K> {
        match self {
            Self::Decoded(object) => Some(object),
            Self::Undecodable(_) => None,
        }
    }
}

impl<'de, K: DeserializeOwned> Deserialize<'de> for Lenient<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = Value::deserialize(deserializer)?;
        let identity = identity(&object["metadata"]);
        Ok(K::deserialize(object).map_or_else(|_| Self::Undecodable(identity), Self::Decoded))
    }
}

/// The fields that name and order an object. A watch ends at an object without a resourceVersion.
fn identity(metadata: &Value) -> Box<ObjectMeta> {
    let text = |field: &str| metadata[field].as_str().map(ToOwned::to_owned);
    Box::new(ObjectMeta {
        namespace: text("namespace"),
        name: text("name"),
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        ..ObjectMeta::default()
    })
}

impl<K: Resource> Resource for Lenient<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Decoded(object) => object.meta(),
            Self::Undecodable(metadata) => metadata,
        }
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Decoded(object) => object.meta_mut(),
            Self::Undecodable(metadata) => metadata,
        }
    }
}
