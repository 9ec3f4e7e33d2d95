//! The state and the settings that all controllers share.

use std::{sync::Arc, time::Duration};

use kube::Client;

use crate::{
    keys::KeyStore,
    runtime::{
        events::EventPublisher, mac::MacKey, metrics::ReconcileMetrics, namespaces::Namespaces,
        readiness::Readiness, scope::WatchScope, status::StatusWriter,
    },
    target::{SecretIndex, Writer, policy::Policy},
};

/// Built once, when the sealing keys and the MAC key are loaded.
pub struct Context {
    pub client: Client,
    pub scope: WatchScope,
    pub resync_period: Duration,
    pub policy: Policy,
    pub keys: Arc<KeyStore>,
    pub mac_key: Arc<MacKey>,
    pub namespaces: Arc<Namespaces>,
    pub secrets: Arc<SecretIndex>,
    pub writer: Writer,
    pub statuses: StatusWriter,
    pub events: EventPublisher,
    pub readiness: Readiness,
    pub metrics: ReconcileMetrics,
}

/// The flags that apply to all controllers.
pub struct Settings {
    pub scope: WatchScope,
    pub resync_period: Duration,
    pub policy: Policy,
    /// The name of the Pod, for Events.
    pub instance: String,
    /// Whether the index of Secrets keeps a MAC of each item, as restarts need it.
    pub keeps_items: bool,
}

impl Context {
    pub fn new(
        client: Client,
        settings: Settings,
        keys: Arc<KeyStore>,
        mac_key: Arc<MacKey>,
        metrics: ReconcileMetrics,
    ) -> Self {
        let secrets = SecretIndex::new(mac_key.clone());
        let secrets = Arc::new(if settings.keeps_items { secrets.with_items() } else { secrets });
        Self {
            scope: settings.scope,
            resync_period: settings.resync_period,
            policy: settings.policy,
            keys,
            mac_key,
            namespaces: Arc::default(),
            writer: Writer::new(client.clone(), secrets.clone()),
            secrets,
            statuses: StatusWriter::new(client.clone()),
            events: EventPublisher::new(client.clone(), settings.instance),
            readiness: Readiness::default(),
            metrics,
            client,
        }
    }
}
