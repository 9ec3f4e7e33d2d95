//! The namespaces: which are being deleted, so that nothing is written there any more, and their
//! labels, which the conditions of stores ask for.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::ObjectMeta,
    core::PartialObjectMeta,
    runtime::watcher::{Config, Event},
};

use crate::runtime::watch::follow;

/// The namespaces by name.
#[derive(Default)]
pub struct Namespaces(Mutex<HashMap<String, NamespaceEntry>>);

struct NamespaceEntry {
    is_terminating: bool,
    labels: BTreeMap<String, String>,
}

impl Namespaces {
    /// Whether the namespace is being deleted, as far as is known.
    pub fn is_terminating(&self, namespace: &str) -> bool {
        self.lock().get(namespace).is_some_and(|known| known.is_terminating)
    }

    /// The labels of a namespace, if it is seen.
    pub fn labels(&self, namespace: &str) -> Option<BTreeMap<String, String>> {
        self.lock().get(namespace).map(|known| known.labels.clone())
    }

    /// Follows the namespaces until the process ends; calls `ready` after each full list.
    pub async fn watch(self: Arc<Self>, client: Client, mut ready: impl FnMut()) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
        let mut listed = HashMap::new();
        follow(api, Config::default(), "namespaces", |event| match event {
            Event::Init => listed.clear(),
            Event::InitApply(namespace) => {
                listed.extend([known(namespace.metadata)]);
            }
            Event::InitDone => {
                *self.lock() = std::mem::take(&mut listed);
                ready();
            }
            Event::Apply(namespace) => {
                let (name, known) = known(namespace.metadata);
                self.lock().insert(name, known);
            }
            Event::Delete(namespace) => {
                self.lock().remove(&namespace.metadata.name.unwrap_or_default());
            }
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, NamespaceEntry>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

fn known(metadata: ObjectMeta) -> (String, NamespaceEntry) {
    let is_terminating = metadata.deletion_timestamp.is_some();
    let labels = metadata.labels.unwrap_or_default();
    (metadata.name.unwrap_or_default(), NamespaceEntry { is_terminating, labels })
}
