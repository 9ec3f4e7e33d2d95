//! The Secret that a SealedSecret wants.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use crate::{key::ObjectKey, runtime::secret::SecretValue};

/// The type of a Secret whose template names none.
pub(crate) const OPAQUE: &str = "Opaque";

/// Annotation on a Secret with random values: the version of the spec that they were generated for.
pub(crate) const RANDOM_FOR: &str = "mtk.mytomorrows.com/random-values-for";

/// The Secret that a SealedSecret makes of its items and its template.
pub(crate) struct DesiredSecret {
    pub(crate) key: ObjectKey,
    /// The uid of the SealedSecret.
    pub(crate) owner_uid: String,
    /// The owner reference to set, unless the template asks for none.
    pub(crate) owner: Option<OwnerReference>,
    /// Never empty.
    pub(crate) type_: String,
    pub(crate) immutable: bool,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) data: BTreeMap<String, SecretValue>,
    /// Which of the values are random, if any.
    pub(crate) random: Option<RandomValues>,
}

/// Values that differ each time they are generated. A Secret whose annotation [`RANDOM_FOR`] has
/// this version keeps those that it has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RandomValues {
    pub(crate) keys: BTreeSet<String>,
    pub(crate) version: String,
}

impl fmt::Debug for DesiredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesiredSecret").field("key", &self.key).finish_non_exhaustive()
    }
}
