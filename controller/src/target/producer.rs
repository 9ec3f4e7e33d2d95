//! Objects that produce Secrets, as their controller's watch sees them.

use std::{collections::BTreeMap, sync::Arc};

use crate::key::ObjectKey;

/// The kinds of objects that produce Secrets and may name workloads to restart.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProducerKind {
    SealedSecret,
}

/// An object that produces a Secret of its namespace.
pub struct Producer<'a> {
    pub kind: ProducerKind,
    pub key: &'a ObjectKey,
    pub uid: &'a str,
    /// The name of its Secret.
    pub secret: &'a str,
    pub annotations: Option<&'a BTreeMap<String, String>>,
}

/// A controller that reads annotations of objects that produce Secrets.
pub trait ProducerSubscriber: Send + Sync {
    /// An object was listed or changed.
    fn producer_applied(self: Arc<Self>, producer: &Producer<'_>);

    fn producer_deleted(&self, kind: ProducerKind, key: &ObjectKey);

    /// A full list ended: the objects that do not match `keep` are gone.
    fn producers_listed(&self, kind: ProducerKind, keep: &dyn Fn(&ObjectKey) -> bool);
}
