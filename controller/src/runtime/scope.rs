//! The namespaces that the controller watches, and in which it needs permissions.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Resource,
    api::ObjectMeta,
    core::{DynamicResourceScope, PartialObjectMeta, Selector, SelectorExt as _},
};
use tracing::info;

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
/// conditions of stores select namespaces by their labels. The controller ignores objects in namespaces
/// that its selector does not match.
#[derive(Default)]
pub(crate) struct Namespaces {
    entries: ObjectIndex<String, NamespaceEntry>,
    selector: Selector,
}

#[derive(Clone)]
struct NamespaceEntry {
    is_terminating: bool,
    labels: BTreeMap<String, String>,
}

impl Namespaces {
    pub(crate) fn new(selector: Selector) -> Self {
        Self { entries: ObjectIndex::default(), selector }
    }

    /// Whether objects in the namespace are reconciled. With a selector, a namespace is not selected until
    /// the watch has reported it.
    pub(crate) fn is_selected(&self, namespace: &str) -> bool {
        let matches = |entry: &NamespaceEntry| self.selector.matches(&entry.labels);
        self.selector.selects_all()
            || self.entries.read(&namespace.to_owned(), matches).unwrap_or_default()
    }

    /// Whether the labels of namespaces decide which objects are reconciled.
    pub(crate) fn selects_some(&self) -> bool {
        !self.selector.selects_all()
    }

    /// Whether the namespace is being deleted, according to the watch.
    pub(crate) fn is_terminating(&self, namespace: &str) -> bool {
        self.entries.get(&namespace.to_owned()).is_some_and(|entry| entry.is_terminating)
    }

    /// The labels of a namespace, if the watch knows it.
    pub(crate) fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        self.entries.get(&namespace.to_owned()).map(|entry| entry.labels)
    }

    /// Passes each namespace to `joined` that is selected from now on, after the first list.
    pub(crate) async fn watch(
        self: Arc<Self>,
        client: Client,
        mut listing: Listing,
        joined: impl Fn(&str),
    ) {
        let api = Api::all(client);
        let mut has_listed = false;
        let handle = |event: WatchEvent<PartialObjectMeta<Namespace>>| match event {
            WatchEvent::Applied { object, .. } => {
                let name = object.metadata.name.clone().unwrap_or_default();
                if self.apply(object.metadata) && has_listed {
                    joined(&name);
                }
            }
            WatchEvent::Deleted(metadata) => {
                self.entries.remove(&metadata.name.unwrap_or_default());
            }
            WatchEvent::Listed(listed) => {
                let names: HashSet<_> = listed.into_iter().map(|key| key.name).collect();
                self.entries.retain(|name| names.contains(name));
                has_listed = true;
                listing.complete();
            }
            WatchEvent::Absent(_) => {}
        };
        Watch::new(api, "namespaces").run(handle).await;
    }

    /// Whether the namespace is selected and was not before.
    fn apply(&self, metadata: ObjectMeta) -> bool {
        let name = metadata.name.unwrap_or_default();
        let was_selected = self.is_selected(&name);
        let entry = NamespaceEntry {
            is_terminating: metadata.deletion_timestamp.is_some(),
            labels: metadata.labels.unwrap_or_default(),
        };
        self.entries.insert(name.clone(), entry);
        let is_selected = self.is_selected(&name);
        if was_selected && !is_selected {
            info!(namespace = name, "the namespace is no longer selected");
        }
        is_selected && !was_selected
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

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

    #[test]
    fn namespaces_join_and_leave_by_their_labels() {
        let selector = Selector::try_from(
            serde_json::from_value::<LabelSelector>(
                serde_json::json!({ "matchLabels": { "team": "a" } }),
            )
            .unwrap(),
        );
        let namespaces = Namespaces::new(selector.unwrap());
        let apply = |team: &str| {
            let labels = [("team".to_owned(), team.to_owned())].into();
            let metadata = ObjectMeta {
                name: Some("n".to_owned()),
                labels: Some(labels),
                ..ObjectMeta::default()
            };
            namespaces.apply(metadata)
        };
        assert!(!namespaces.is_selected("n"), "the watch has not reported it");
        assert!(!apply("b") && !namespaces.is_selected("n"));
        assert!(apply("a") && namespaces.is_selected("n"));
        assert!(!apply("a"), "it was selected before");
        assert!(!apply("b") && !namespaces.is_selected("n"));
        assert!(Namespaces::default().is_selected("unknown"));
    }
}
