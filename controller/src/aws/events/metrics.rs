//! Metrics of event queues.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::runtime::metrics::register;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct QueueLabels {
    queue: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct MessageLabels {
    queue: String,
    kind: &'static str,
}

/// Counts messages. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventMetrics {
    messages: Family<MessageLabels, Counter>,
    up: Family<QueueLabels, Gauge>,
}

impl EventMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let ours = registry.sub_registry_with_prefix("mtk_controller");
        let messages = "Messages of each event queue: hint, other event, or malformed";
        let up = "Whether the last poll of the event queue succeeded";
        Self {
            messages: register(ours, "event_messages", messages),
            up: register(ours, "event_queue_up", up),
        }
    }

    pub(super) fn received(&self, queue: &str, kind: &'static str) {
        self.messages.get_or_create(&MessageLabels { queue: queue.to_owned(), kind }).inc();
    }

    pub(super) fn polled(&self, queue: &str, is_up: bool) {
        self.up.get_or_create(&QueueLabels { queue: queue.to_owned() }).set(is_up.into());
    }
}
