//! The namespaces: whether they are being deleted, since the controller writes nothing there then, and
//! their labels, by which the conditions of stores select them.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, core::PartialObjectMeta};

use super::{
    index::ObjectIndex,
    watch::{Watch, WatchEvent},
};

#[derive(Default)]
pub(crate) struct Namespaces(ObjectIndex<String, NamespaceEntry>);

#[derive(Clone)]
struct NamespaceEntry {
    is_terminating: bool,
    labels: BTreeMap<String, String>,
}

impl Namespaces {
    /// Whether the namespace is being deleted, as far as the watch knows.
    pub(crate) fn is_terminating(&self, namespace: &str) -> bool {
        self.0.get(&namespace.to_owned()).is_some_and(|entry| entry.is_terminating)
    }

    /// The labels of a namespace, if the watch knows it.
    pub(crate) fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        self.0.get(&namespace.to_owned()).map(|entry| entry.labels)
    }

    /// Watches the namespaces until the process ends; calls `ready` after each full list.
    pub(crate) async fn watch(self: Arc<Self>, client: Client, mut ready: impl FnMut()) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
        let handle = |event| match event {
            WatchEvent::Applied { object, .. } => self.apply(object),
            WatchEvent::Deleted(metadata) => {
                self.0.remove(&metadata.name.unwrap_or_default());
            }
            WatchEvent::Listed(listed) => {
                let names: std::collections::HashSet<_> =
                    listed.into_iter().map(|key| key.name).collect();
                self.0.retain(|name| names.contains(name));
                ready();
            }
            WatchEvent::Absent(_) => {}
        };
        Watch::new(api, "namespaces").run(handle).await;
    }

    fn apply(&self, namespace: PartialObjectMeta<Namespace>) {
        let metadata = namespace.metadata;
        let is_terminating = metadata.deletion_timestamp.is_some();
        let labels = metadata.labels.unwrap_or_default();
        let entry = NamespaceEntry { is_terminating, labels };
        self.0.insert(metadata.name.unwrap_or_default(), entry);
    }
}
