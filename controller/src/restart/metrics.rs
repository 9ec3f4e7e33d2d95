//! Metrics of restarts.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::kind::WorkloadKind;

/// The result of a change that restarts a workload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RestartOutcome {
    /// The write failed. The controller tries again.
    Failed,
    /// The workload is paused.
    Postponed,
    /// Other software restarts it.
    Skipped,
    /// Its Pods are being replaced.
    Triggered,
}

#[derive(Clone, Default)]
pub(crate) struct RestartMetrics {
    restarts: Family<Label, Counter>,
    pending: Gauge,
    watch_forbidden: Family<Label, Gauge>,
}

/// Name and value.
type Label = [(&'static str, &'static str); 1];

impl RestartMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("mtk_controller");
        registry.register(
            "workload_restarts",
            "Changed Secrets that restart a workload, by outcome",
            metrics.restarts.clone(),
        );
        registry.register(
            "workload_restarts_pending",
            "Workloads that wait for a restart",
            metrics.pending.clone(),
        );
        registry.register(
            "workload_watch_forbidden",
            "1 if the controller may not watch these workloads",
            metrics.watch_forbidden.clone(),
        );
        metrics
    }

    pub(crate) fn count(&self, outcome: RestartOutcome) {
        let outcome = match outcome {
            RestartOutcome::Failed => "failed",
            RestartOutcome::Postponed => "postponed",
            RestartOutcome::Skipped => "skipped",
            RestartOutcome::Triggered => "triggered",
        };
        self.restarts.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub(crate) fn set_pending(&self, count: usize) {
        self.pending.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn set_watch_forbidden(&self, kind: WorkloadKind, is_forbidden: bool) {
        let label = [("resource", kind.plural())];
        self.watch_forbidden.get_or_create(&label).set(i64::from(is_forbidden));
    }
}
