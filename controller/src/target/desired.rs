//! The Secret that a SealedSecret wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::{key::ObjectKey, runtime::secret::SecretValue};

/// The type of a Secret whose template names none.
pub const OPAQUE: &str = "Opaque";

/// Annotation on a Secret with random values: the version of the spec that they were generated for.
pub const RANDOM_FOR: &str = "mtk.mytomorrows.com/random-values-for";

/// The Secret that a SealedSecret makes of its items and its template.
pub struct DesiredSecret {
    pub key: ObjectKey,
    /// The uid of the SealedSecret.
    pub owner_uid: String,
    /// The owner reference to set, unless the template asks for none.
    pub owner: Option<OwnerReference>,
    /// Never empty.
    pub type_: String,
    pub immutable: bool,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub data: BTreeMap<String, SecretValue>,
    /// Which of the values are random, if any.
    pub random: Option<RandomValues>,
}

/// Values that differ each time they are generated. A Secret whose annotation [`RANDOM_FOR`] has
/// this version keeps those that it has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RandomValues {
    pub keys: BTreeSet<String>,
    pub version: String,
}

impl fmt::Debug for DesiredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesiredSecret").field("key", &self.key).finish_non_exhaustive()
    }
}
