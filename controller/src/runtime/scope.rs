//! Which namespaces the controller looks after, and so where it needs rights.

use std::collections::BTreeSet;

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource, core::DynamicResourceScope};

use crate::key::ObjectKey;

/// All namespaces, or some. For some, Roles in them suffice: nothing is asked of the whole cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WatchScope {
    /// Every namespace there is or will be.
    All,
    /// These.
    Namespaces(BTreeSet<String>),
}

/// What one watch covers: the whole cluster, or one namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamespaceScope(Option<String>);

impl WatchScope {
    /// One part for each watch of a kind.
    pub fn parts(&self) -> Vec<NamespaceScope> {
        match self {
            Self::All => vec![NamespaceScope(None)],
            Self::Namespaces(names) => {
                names.iter().cloned().map(Some).map(NamespaceScope).collect()
            }
        }
    }
}

impl NamespaceScope {
    /// Access to the objects of this part.
    pub fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// The same for a type of several kinds.
    pub fn api_of<K>(&self, client: Client, kind: &K::DynamicType) -> Api<K>
    where
        K: Resource<Scope = DynamicResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced_with(client, namespace, kind),
            None => Api::all_with(client, kind),
        }
    }

    /// Whether an object is in this part.
    pub fn covers(&self, key: &ObjectKey) -> bool {
        self.0.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    }

    /// The objects of a kind here, for a log: `Secrets`, or `Secrets of team-a`.
    pub fn describe(&self, kind: &str) -> String {
        match &self.0 {
            Some(namespace) => format!("{kind} of {namespace}"),
            None => kind.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str) -> ObjectKey {
        ObjectKey { namespace: namespace.into(), name: "s".into() }
    }

    #[test]
    fn the_whole_cluster_is_one_part_that_covers_everything() {
        let parts = WatchScope::All.parts();
        assert_eq!(parts.len(), 1);
        assert!(parts[0].covers(&key("any")));
        assert_eq!(parts[0].describe("Secrets"), "Secrets");
    }

    #[test]
    fn each_namespace_is_a_part_that_covers_nothing_else() {
        let names = ["a", "b"].map(ToOwned::to_owned).into();
        let parts = WatchScope::Namespaces(names).parts();
        assert_eq!(parts.len(), 2);
        assert!(parts[0].covers(&key("a")) && !parts[0].covers(&key("b")));
        assert_eq!(parts[1].describe("Secrets"), "Secrets of b");
    }
}
