//! The Secret as a custom resource wants it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{
    apply::SecretTarget,
    fingerprint::{MacKey, PairKind, PairMac},
    object::{SecretObject, Value},
    plan::{Change, plan},
};
use crate::{key::ObjectKey, reason::Failure, runtime::FIELD_MANAGER};

/// The type of a Secret that names none.
pub const OPAQUE: &str = "Opaque";

/// On a Secret with values that were drawn at random: for what. Part of [`DesiredSecret::annotations`].
pub const RANDOM_FOR: &str = "mtk.mytomorrows.com/random-values-for";

/// A Secret to be. Serialises as the body of its creation.
pub struct DesiredSecret {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The uid of the custom resource it is made for.
    pub owner_uid: String,
    /// The owner reference to set; none when the user asked for none.
    pub owner: Option<OwnerReference>,
    /// The type, never empty.
    pub type_: String,
    /// Whether the Secret is to be immutable.
    pub immutable: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The values by key.
    pub data: BTreeMap<String, Value>,
    /// Which of them were drawn at random; none of most Secrets.
    pub random: Option<Random>,
}

/// Values that are something else each time they are made. A Secret that bears the same mark has
/// them already, and keeps them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Random {
    /// Their keys.
    pub keys: BTreeSet<String>,
    /// What they were made from: the value of the annotation [`RANDOM_FOR`].
    pub mark: String,
}

/// The MACs of labels and annotations, sorted.
pub fn label_and_annotation_macs(
    mac_key: &MacKey,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Box<[PairMac]> {
    let mac = |kind| move |(name, value): (&String, &String)| mac_key.pair(kind, name, value);
    let mut macs: Vec<_> = labels
        .iter()
        .map(mac(PairKind::Label))
        .chain(annotations.iter().map(mac(PairKind::Annotation)))
        .collect();
    macs.sort_unstable();
    macs.into_boxed_slice()
}

impl Serialize for DesiredSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata<'d> {
            namespace: &'d str,
            name: &'d str,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            labels: &'d BTreeMap<String, String>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            annotations: &'d BTreeMap<String, String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            owner_references: Option<[&'d OwnerReference; 1]>,
        }
        let mut body = serializer.serialize_struct("Secret", 6)?;
        body.serialize_field("apiVersion", "v1")?;
        body.serialize_field("kind", "Secret")?;
        body.serialize_field(
            "metadata",
            &Metadata {
                namespace: &self.key.namespace,
                name: &self.key.name,
                labels: &self.labels,
                annotations: &self.annotations,
                owner_references: self.owner.as_ref().map(|owner| [owner]),
            },
        )?;
        body.serialize_field("type", &self.type_)?;
        if self.immutable {
            body.serialize_field("immutable", &true)?;
        }
        if !self.data.is_empty() {
            body.serialize_field("data", &self.data)?;
        }
        body.end()
    }
}

impl SecretTarget for DesiredSecret {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn manager(&self) -> &str {
        FIELD_MANAGER
    }

    fn body(&self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(Some(serde_json::to_vec(self).expect("a Secret is JSON")))
    }

    fn change(&self, existing: &SecretObject) -> Result<Change, Failure> {
        plan(existing, self)
    }
}

impl fmt::Debug for DesiredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesiredSecret").field("key", &self.key).finish_non_exhaustive()
    }
}
