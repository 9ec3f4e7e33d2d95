//! Events on workloads and on the objects that name them. Each reason is fixed.

use crds::SealedSecret;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use tracing::info;

use super::{
    annotations::{RESTART_ON, RESTART_TARGETS, Source},
    baseline::Baseline,
    controller::{Attempt, RestartController},
    index::MAX_TARGETS_PER_NAMESPACE,
    kind::WorkloadKey,
    metrics::RestartOutcome,
    workload::{OtherRestarter, WorkloadObject},
};
use crate::{
    key::ObjectKey,
    runtime::{FIELD_MANAGER, events::Severity},
};

impl Attempt<'_> {
    pub(super) async fn report_restarted(&self, changed: &[String]) {
        info!(workload = %self.key, secrets = listed(changed), "restarted");
        self.controller.metrics.count(RestartOutcome::Triggered);
        let plural = if changed.len() == 1 { "" } else { "s" };
        let mut message =
            format!("Secret{plural} {} changed: its Pods are replaced", listed(changed));
        if self.entry.workload.on_delete {
            message.push_str(" once a user deletes them, because its update strategy is OnDelete");
        }
        self.publish(Severity::Normal, "RestartTriggered", &message).await;
    }

    /// Once for each pending change: `after` is the baseline after the restart.
    pub(super) async fn report_postponed(&self, after: Option<Baseline>, changed: &[String]) {
        if self.entry.progress.reported_postponed == after {
            return;
        }
        self.update(|progress| progress.reported_postponed = after);
        self.controller.metrics.count(RestartOutcome::Postponed);
        let (secrets, kind) = (listed(changed), self.key.kind.as_str());
        let message = format!(
            "{secrets} changed, and the {kind} is paused: its Pods are replaced after the pause"
        );
        self.publish(Severity::Normal, "RestartPostponed", &message).await;
    }

    /// Once for each workload.
    pub(super) async fn report_left(&self, other: OtherRestarter, changed: &[String]) {
        if self.entry.progress.reported_restarter == Some(other) {
            return;
        }
        self.update(|progress| progress.reported_restarter = Some(other));
        let why = match other {
            OtherRestarter::Reloader => {
                "it has annotations of Reloader, and only one of the two may restart it. Remove them \
                 to let this controller do it"
            }
            OtherRestarter::Flagger => {
                "it belongs to a Canary, and Flagger follows the Secrets that it uses"
            }
        };
        let mut message = format!("{FIELD_MANAGER} does not restart it on changed Secrets: {why}");
        if !changed.is_empty() {
            message = format!("{} changed. {message}", listed(changed));
        }
        self.publish(Severity::Normal, "RestartSkipped", &message).await;
    }

    /// Once for each annotation.
    pub(super) async fn report_invalid(&self) {
        let invalid = &self.entry.workload.opt_in.invalid;
        if self.entry.progress.reported_invalid == *invalid {
            return;
        }
        self.update(|progress| progress.reported_invalid.clone_from(invalid));
        if invalid.is_empty() {
            return;
        }
        let message = format!(
            "invalid in the annotation {RESTART_ON}: {}. Use names of Secrets of this namespace, \
             separated by commas, or * for those that the Pods use",
            listed(invalid)
        );
        self.publish(Severity::Warning, "RestartInvalid", &message).await;
    }

    pub(super) async fn publish(&self, severity: Severity, reason: &str, message: &str) {
        let WorkloadKey { kind, object } = self.key;
        let about = reference::<WorkloadObject>(kind, object, &self.entry.workload.uid);
        let events = &self.controller.context.events;
        events.publish(about, "Restart", severity, reason, message).await;
    }
}

/// On the SealedSecrets that name a workload.
impl RestartController {
    /// Once while it is missing.
    pub(super) async fn report_missing(&self, key: &WorkloadKey) {
        let message = format!(
            "the annotation {RESTART_TARGETS} names {key}, which does not exist. The controller \
             notices when it is created"
        );
        for (source, uid) in self.index.report_missing(key) {
            self.warn_on_source(&source, &uid, "RestartTargetMissing", &message).await;
        }
    }

    pub(super) async fn report_invalid_targets(
        &self,
        key: &ObjectKey,
        source: &Source,
        excess: usize,
    ) {
        if excess > 0 {
            let message = format!(
                "{excess} workloads in the annotation {RESTART_TARGETS} are ignored: the SealedSecrets of a \
                 namespace may name {MAX_TARGETS_PER_NAMESPACE} workloads together. Annotate the workloads with \
                 {RESTART_ON} instead"
            );
            self.warn_on_source(key, &source.uid, "RestartInvalid", &message).await;
        }
        if source.invalid.is_empty() {
            return;
        }
        let message = format!(
            "invalid in the annotation {RESTART_TARGETS}: {}. Use Kind/name of Deployments, \
             StatefulSets, DaemonSets and Rollouts of this namespace, separated by commas",
            listed(&source.invalid)
        );
        self.warn_on_source(key, &source.uid, "RestartInvalid", &message).await;
    }

    async fn warn_on_source(&self, source: &ObjectKey, uid: &str, reason: &str, message: &str) {
        let about = reference::<SealedSecret>(&(), source, uid);
        self.context.events.publish(about, "Restart", Severity::Warning, reason, message).await;
    }
}

fn reference<K: Resource>(kind: &K::DynamicType, key: &ObjectKey, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(kind).into_owned()),
        kind: Some(K::kind(kind).into_owned()),
        namespace: Some(key.namespace.clone()),
        name: Some(key.name.clone()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, others @ ..] => format!("{one}, {two} and {} more", others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_briefly() {
        let list = |names: &[&str]| {
            listed(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list(&["a", "b", "c", "d"]), "a, b and 2 more");
    }
}
