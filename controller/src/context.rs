//! The state and the settings that all controllers share.

use std::{sync::Arc, time::Duration};

use kube::Client;
use templates::Limits;

use crate::{
    keys::KeyStore,
    runtime::{MacKey, Readiness, WatchScope, events::EventPublisher, scope::Namespaces},
    target::{SecretIndex, Writer, policy::Policy},
};

/// Built once, when the sealing keys and the MAC key are loaded.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) keys: Arc<KeyStore>,
    pub(crate) mac_key: Arc<MacKey>,
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) secrets: Arc<SecretIndex>,
    pub(crate) writer: Writer,
    pub(crate) events: EventPublisher,
    pub(crate) readiness: Readiness,
}

/// The flags that apply to all controllers.
pub(crate) struct Settings {
    pub(crate) scope: WatchScope,
    pub(crate) resync_period: Duration,
    /// Whether Secrets get the labels and annotations by which tools know their objects.
    pub(crate) copies_tool_metadata: bool,
    /// The name of the Pod, for Events.
    pub(crate) instance: String,
    /// Whether the index of Secrets keeps a MAC of each item, as restarts need it.
    pub(crate) keeps_items: bool,
}

/// The limits of the templates of one object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TemplateSettings {
    pub(crate) limits: Limits,
    pub(crate) time: Duration,
}

impl Context {
    pub(crate) fn new(
        client: Client,
        settings: Settings,
        keys: Arc<KeyStore>,
        mac_key: Arc<MacKey>,
        policy: Policy,
    ) -> Self {
        let secrets = SecretIndex::new(mac_key.clone());
        let secrets = Arc::new(if settings.keeps_items { secrets.with_items() } else { secrets });
        let instance = settings.instance.clone();
        Self {
            keys,
            mac_key,
            namespaces: Arc::default(),
            writer: Writer::new(client.clone(), secrets.clone(), policy),
            secrets,
            events: EventPublisher { client: client.clone(), instance },
            readiness: Readiness::default(),
            client,
            settings,
        }
    }
}
