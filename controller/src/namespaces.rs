//! Which namespaces are being deleted: nothing is written there any more.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard},
};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    core::PartialObjectMeta,
    runtime::watcher::{Config, Event},
};

use crate::watch::follow;

/// The namespaces with a deletion time.
#[derive(Default)]
pub struct Terminating(Mutex<HashSet<String>>);

impl Terminating {
    /// Whether the namespace is being deleted, as far as is known.
    pub fn contains(&self, namespace: &str) -> bool {
        self.lock().contains(namespace)
    }

    /// Follows the namespaces until the process ends; calls `ready` after each full list.
    pub async fn watch(self: Arc<Self>, client: Client, mut ready: impl FnMut()) {
        let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
        let mut listed = HashSet::new();
        follow(api, Config::default(), "namespaces", |event| match event {
            Event::Init => listed.clear(),
            Event::InitApply(namespace) => {
                let metadata = namespace.metadata;
                let terminating = metadata.deletion_timestamp.is_some();
                listed.extend(metadata.name.filter(|_| terminating));
            }
            Event::InitDone => {
                *self.lock() = std::mem::take(&mut listed);
                ready();
            }
            Event::Apply(namespace) => {
                let metadata = namespace.metadata;
                let name = metadata.name.unwrap_or_default();
                if metadata.deletion_timestamp.is_some() {
                    self.lock().insert(name);
                } else {
                    self.lock().remove(&name);
                }
            }
            Event::Delete(namespace) => {
                self.lock().remove(&namespace.metadata.name.unwrap_or_default());
            }
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
