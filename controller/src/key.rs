//! Names of objects, as maps and queues use them.

use std::{fmt, hash::Hash};

use kube::api::ObjectMeta;

/// Namespace and name. They are the same for a SealedSecret and its Secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ObjectKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The key of a work queue. Objects of one namespace share the workers that it may hold.
pub(crate) trait QueueKey:
    Clone + Eq + fmt::Display + Hash + Ord + Send + Sync + 'static
{
    /// The namespace, empty for cluster-scoped objects: those form a group of their own.
    fn namespace(&self) -> &str;
}

impl ObjectKey {
    /// The key of the object with this metadata.
    pub(crate) fn of(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl QueueKey for ObjectKey {
    fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
