//! The state and the settings that all controllers share.

use std::{sync::Arc, time::Duration};

use kube::{Client, core::Selector};
use templates::{Limit, Limits};

use crate::{
    keys::KeyStore,
    reason::{Failure, Reason},
    runtime::{
        MacKey, Readiness, WatchScope, blocking::Overdue, events::EventPublisher,
        memory::TemplateMemory, scope::Namespaces,
    },
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
    pub(crate) namespace_selector: Selector,
    /// Of SealedSecrets and ExternalSecrets.
    pub(crate) label_selector: Selector,
    pub(crate) resync_period: Duration,
    /// Whether Secrets get the labels and annotations by which tools know their objects.
    pub(crate) copies_tool_metadata: bool,
    /// The name of the Pod, for Events.
    pub(crate) instance: String,
    /// Whether the index of Secrets keeps a MAC of each item, which restarts need.
    pub(crate) keeps_items: bool,
}

/// The limits of the templates of one object.
#[derive(Clone, Debug)]
pub(crate) struct TemplateSettings {
    pub(crate) limits: Limits,
    pub(crate) time: Duration,
    /// The memory that the templates of all objects share.
    pub(crate) memory: Arc<TemplateMemory>,
}

impl TemplateSettings {
    /// A rendering that takes longer did not check its deadline.
    pub(crate) fn overdue(&self) -> Duration {
        2 * self.time
    }
}

/// The failure of a template. `limit` is the limit that it exhausted, if any.
pub(crate) fn template_failure(message: &str, limit: Option<Limit>) -> Failure {
    match limit {
        None => Failure::new(Reason::TemplateInvalid, message),
        Some(Limit::Memory) => Failure::new(Reason::Throttled, message),
        Some(_) => {
            let message = format!("{message}; the flags --template-… of the controller set limits");
            Failure::new(Reason::TemplateInvalid, message)
        }
    }
}

/// The failure of an object whose rendering did not end at its deadline.
pub(crate) fn overdue_failure(_: Overdue) -> Failure {
    let message = "the template takes longer than twice its time limit; it is not rendered again \
                   until that rendering ends";
    Failure::new(Reason::TemplateInvalid, message)
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
            namespaces: Arc::new(Namespaces::new(settings.namespace_selector.clone())),
            writer: Writer::new(client.clone(), secrets.clone(), policy),
            secrets,
            events: EventPublisher { client: client.clone(), instance },
            readiness: Readiness::default(),
            client,
            settings,
        }
    }
}
