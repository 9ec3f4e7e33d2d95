//! The namespaces that the controller watches, and in which it needs permissions.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Resource,
    api::ObjectMeta,
    core::{DynamicResourceScope, PartialObjectMeta},
};

use super::{
    index::ObjectIndex,
    watch::{Listing, Watch, WatchEvent},
};
use crate::key::ObjectKey;

/// All namespaces, or some of them. For some, no request is cluster-wide, so Roles in them suffice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WatchScope {
    All,
    Namespaces(BTreeSet<String>),
}

/// The scope of one watch: the whole cluster, or one namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NamespaceScope(Option<String>);

impl WatchScope {
    pub(crate) fn parts(&self) -> Vec<NamespaceScope> {
        match self {
            Self::All => vec![NamespaceScope(None)],
            Self::Namespaces(names) => {
                names.iter().cloned().map(Some).map(NamespaceScope).collect()
            }
        }
    }
}

impl NamespaceScope {
    pub(crate) fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// Like `api`, for a type of several kinds.
    pub(crate) fn api_of<K>(&self, client: Client, kind: &K::DynamicType) -> Api<K>
    where
        K: Resource<Scope = DynamicResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced_with(client, namespace, kind),
            None => Api::all_with(client, kind),
        }
    }

    pub(crate) fn covers(&self, key: &ObjectKey) -> bool {
        self.0.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    }

    /// The objects of a kind here, for a log: `Secrets`, or `Secrets of team-a`.
    pub(crate) fn describe(&self, kind: &str) -> String {
        match &self.0 {
            Some(namespace) => format!("{kind} of {namespace}"),
            None => kind.to_owned(),
        }
    }
}

/// The namespaces. The controller writes nothing into a namespace that is being deleted, and the
/// conditions of stores select namespaces by their labels.
#[derive(Default)]
pub(crate) struct Namespaces(ObjectIndex<String, NamespaceEntry>);

#[derive(Clone)]
struct NamespaceEntry {
    is_terminating: bool,
    labels: BTreeMap<String, String>,
}

impl Namespaces {
    /// Whether the namespace is being deleted, according to the watch.
    pub(crate) fn is_terminating(&self, namespace: &str) -> bool {
        self.0.get(&namespace.to_owned()).is_some_and(|entry| entry.is_terminating)
    }

    /// The labels of a namespace, if the watch knows it.
    pub(crate) fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        self.0.get(&namespace.to_owned()).map(|entry| entry.labels)
    }

    pub(crate) async fn watch(self: Arc<Self>, client: Client, mut listing: Listing) {
        let api = Api::all(client);
        let handle = |event: WatchEvent<PartialObjectMeta<Namespace>>| match event {
            WatchEvent::Applied { object, .. } => {
                let ObjectMeta { name, labels, deletion_timestamp, .. } = object.metadata;
                let is_terminating = deletion_timestamp.is_some();
                let entry = NamespaceEntry { is_terminating, labels: labels.unwrap_or_default() };
                self.0.insert(name.unwrap_or_default(), entry);
            }
            WatchEvent::Deleted(metadata) => {
                self.0.remove(&metadata.name.unwrap_or_default());
            }
            WatchEvent::Listed(listed) => {
                let names: HashSet<_> = listed.into_iter().map(|key| key.name).collect();
                self.0.retain(|name| names.contains(name));
                listing.complete();
            }
            WatchEvent::Absent(_) => {}
        };
        Watch::new(api, "namespaces").run(handle).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str) -> ObjectKey {
        ObjectKey { namespace: namespace.into(), name: "s".into() }
    }

    #[test]
    fn cluster_is_one_scope_that_covers_every_namespace() {
        let parts = WatchScope::All.parts();
        assert_eq!(parts.len(), 1);
        assert!(parts[0].covers(&key("any")));
        assert_eq!(parts[0].describe("Secrets"), "Secrets");
    }

    #[test]
    fn namespace_scope_covers_no_other_namespace() {
        let names = ["a", "b"].map(ToOwned::to_owned).into();
        let parts = WatchScope::Namespaces(names).parts();
        assert_eq!(parts.len(), 2);
        assert!(parts[0].covers(&key("a")) && !parts[0].covers(&key("b")));
        assert_eq!(parts[1].describe("Secrets"), "Secrets of b");
    }
}
