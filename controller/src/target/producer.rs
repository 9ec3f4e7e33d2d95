//! Objects that produce Secrets, as their controller's watch sees them.

use std::{collections::BTreeMap, sync::Arc};

use crate::key::ObjectKey;

/// The kinds of objects that produce Secrets and may name workloads to restart.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum ProducerKind {
    SealedSecret,
}

/// An object that produces a Secret of its namespace.
pub(crate) struct Producer<'a> {
    pub(crate) kind: ProducerKind,
    pub(crate) key: &'a ObjectKey,
    pub(crate) uid: &'a str,
    /// The name of its Secret.
    pub(crate) secret: &'a str,
    pub(crate) annotations: Option<&'a BTreeMap<String, String>>,
}

/// A controller that reads annotations of objects that produce Secrets.
pub(crate) trait ProducerSubscriber: Send + Sync {
    /// An object was listed or changed.
    fn producer_applied(self: Arc<Self>, producer: &Producer<'_>);

    fn producer_deleted(&self, kind: ProducerKind, key: &ObjectKey);

    /// A full list ended: the objects that do not match `keep` are gone.
    fn producers_listed(&self, kind: ProducerKind, keep: &dyn Fn(&ObjectKey) -> bool);
}
