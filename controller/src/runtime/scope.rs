//! The namespaces that the controller watches, and so where it needs permissions.

use std::collections::BTreeSet;

use k8s_openapi::NamespaceResourceScope;
use kube::{Api, Client, Resource, core::DynamicResourceScope};

use crate::key::ObjectKey;

/// All namespaces, or some. For some, Roles in them suffice: no request is cluster-wide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum WatchScope {
    All,
    Namespaces(BTreeSet<String>),
}

/// The scope of one watch: the whole cluster, or one namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NamespaceScope(Option<String>);

impl WatchScope {
    /// The scope of each watch of a kind.
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
    /// The API for a kind in this scope.
    pub(crate) fn api<K>(&self, client: Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        }
    }

    /// The same for a type of several kinds.
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
