//! Events on workloads and on the objects that name them. Each reason is fixed.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::ObjectReference;
use tracing::info;

use super::{
    annotations::{RESTART_ON, RESTART_TARGETS},
    controller::RestartController,
    entry::WorkloadEntry,
    kind::WorkloadKey,
    metrics::RestartOutcome,
    source::SourceKey,
    workload::{OtherRestarter, Workload},
};
use crate::{
    reason::Failure,
    runtime::{FIELD_MANAGER, events::Severity},
};

/// The Pods are being replaced.
pub(crate) const TRIGGERED: &str = "RestartTriggered";
/// The Pods are replaced after the workload's pause.
pub(crate) const POSTPONED: &str = "RestartPostponed";
/// Other software restarts the workload.
pub(crate) const SKIPPED: &str = "RestartSkipped";
/// The write failed. The controller tries again.
pub(crate) const FAILED: &str = "RestartFailed";
/// An annotation is invalid.
pub(crate) const INVALID: &str = "RestartInvalid";
/// An annotation names a workload that does not exist.
pub(crate) const TARGET_MISSING: &str = "RestartTargetMissing";

impl RestartController {
    pub(super) async fn report_restarted(
        &self,
        key: &WorkloadKey,
        workload: &Workload,
        changed: &[String],
    ) {
        info!(workload = %key, secrets = listed(changed), "restarted");
        self.metrics.count(RestartOutcome::Triggered);
        let plural = if changed.len() == 1 { "" } else { "s" };
        let mut message =
            format!("Secret{plural} {} changed: its Pods are replaced", listed(changed));
        if workload.on_delete {
            message.push_str(" once a user deletes them, because its update strategy is OnDelete");
        }
        self.publish(key.reference(&workload.uid), Severity::Normal, TRIGGERED, &message).await;
    }

    pub(super) async fn report_failed(
        &self,
        key: &WorkloadKey,
        workload: &Workload,
        failure: &Failure,
    ) {
        let about = key.reference(&workload.uid);
        self.publish(about, Severity::Warning, FAILED, &failure.message).await;
    }

    /// Once for each pending change.
    pub(super) async fn report_postponed(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        digest: Option<String>,
        changed: &[String],
    ) {
        let uid = &entry.workload.uid;
        self.update(key, uid, |progress| progress.reported.postponed = digest);
        self.metrics.count(RestartOutcome::Postponed);
        let message = format!(
            "{} changed, and the {} is paused: its Pods are replaced after the pause",
            listed(changed),
            key.kind.as_str()
        );
        let about = key.reference(&entry.workload.uid);
        self.publish(about, Severity::Normal, POSTPONED, &message).await;
    }

    /// Once for each workload.
    pub(super) async fn report_left(
        &self,
        key: &WorkloadKey,
        entry: &WorkloadEntry,
        other: OtherRestarter,
        changed: &[String],
    ) {
        if entry.progress.reported.other_restarter == Some(other) {
            return;
        }
        let uid = &entry.workload.uid;
        self.update(key, uid, |progress| progress.reported.other_restarter = Some(other));
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
        let about = key.reference(&entry.workload.uid);
        self.publish(about, Severity::Normal, SKIPPED, &message).await;
    }

    /// Once for each annotation.
    pub(super) async fn report_invalid(&self, key: &WorkloadKey, entry: &WorkloadEntry) {
        let invalid = &entry.workload.opt_in.invalid;
        if entry.progress.reported.invalid == *invalid {
            return;
        }
        let uid = &entry.workload.uid;
        self.update(key, uid, |progress| progress.reported.invalid.clone_from(invalid));
        if invalid.is_empty() {
            return;
        }
        let message = format!(
            "invalid in the annotation {RESTART_ON}: {}. Use names of Secrets of this namespace, \
             separated by commas, or * for those that the Pods use",
            listed(invalid)
        );
        let about = key.reference(&entry.workload.uid);
        self.publish(about, Severity::Warning, INVALID, &message).await;
    }

    /// On the objects that name a workload that does not exist.
    pub(super) async fn report_missing(&self, key: &WorkloadKey) {
        let message = format!(
            "the annotation {RESTART_TARGETS} names {key}, which does not exist. The controller \
             notices when it is created"
        );
        for (source, uid) in self.index.report_missing(key) {
            self.publish(source.reference(&uid), Severity::Warning, TARGET_MISSING, &message).await;
        }
    }

    /// On the object with the invalid annotation.
    pub(super) async fn report_invalid_targets(
        &self,
        key: &SourceKey,
        uid: &str,
        invalid: &[String],
    ) {
        let message = format!(
            "invalid in the annotation {RESTART_TARGETS}: {}. Use Kind/name of Deployments, \
             StatefulSets, DaemonSets and Rollouts of this namespace, separated by commas",
            listed(invalid)
        );
        self.publish(key.reference(uid), Severity::Warning, INVALID, &message).await;
    }

    async fn publish(
        &self,
        about: ObjectReference,
        severity: Severity,
        reason: &str,
        message: &str,
    ) {
        self.events.publish_about(about, "Restart", severity, reason, message).await;
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn listed(names: &[String]) -> String {
    let mut text = names.first().cloned().unwrap_or_default();
    match names {
        [] | [_] => {}
        [_, second] => {
            let _ = write!(text, " and {second}");
        }
        [_, second, others @ ..] => {
            let _ = write!(text, ", {second} and {} more", others.len());
        }
    }
    text
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
