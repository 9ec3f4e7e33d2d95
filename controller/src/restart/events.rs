//! What is said of restarts: Events on workloads, and on what names them. Each reason is fixed.

use std::fmt::Write as _;

use k8s_openapi::api::core::v1::ObjectReference;

use super::{
    RESTART_ON, RESTART_TARGETS, RestartController,
    index::{SourceKey, WorkloadEntry},
    workload::{LeftTo, Workload, WorkloadKey},
};
use crate::{
    metrics::RestartOutcome, reason::Failure, runtime::FIELD_MANAGER, runtime::events::Severity,
};

/// Reason of the Event: the Pods are being replaced.
pub const TRIGGERED: &str = "RestartTriggered";
/// Reason of the Event: they will be, at the end of the workload's pause.
pub const POSTPONED: &str = "RestartPostponed";
/// Reason of the Event: other software does that.
pub const SKIPPED: &str = "RestartSkipped";
/// Reason of the Event: the API server refuses, and it is tried again.
pub const FAILED: &str = "RestartFailed";
/// Reason of the Event: an annotation cannot be read.
pub const INVALID: &str = "RestartInvalid";
/// Reason of the Event: the workload that an annotation names does not exist.
pub const TARGET_MISSING: &str = "RestartTargetMissing";

impl RestartController {
    pub(super) async fn tell_restarted(
        &self,
        key: &WorkloadKey,
        workload: &Workload,
        changed: &[String],
    ) {
        let plural = if changed.len() == 1 { "" } else { "s" };
        let mut message =
            format!("Secret{plural} {} changed: its Pods are replaced", listed(changed));
        if workload.on_delete {
            message.push_str(" when somebody deletes them, as its update strategy OnDelete says");
        }
        self.tell(key.reference(&workload.uid), Severity::Normal, TRIGGERED, &message).await;
    }

    pub(super) async fn tell_failed(
        &self,
        key: &WorkloadKey,
        workload: &Workload,
        failure: &Failure,
    ) {
        let about = key.reference(&workload.uid);
        self.tell(about, Severity::Warning, FAILED, &failure.message).await;
    }

    /// Once for each change that waits.
    pub(super) async fn tell_postponed(
        &self,
        key: &WorkloadKey,
        known: &WorkloadEntry,
        mark: Option<String>,
        changed: &[String],
    ) {
        self.remember(key, &known.workload.uid, |known| known.told.postponed = mark);
        self.metrics.restart(RestartOutcome::Postponed);
        let message = format!(
            "{} changed, and the {} is paused: its Pods are replaced after the pause",
            listed(changed),
            key.kind.as_str()
        );
        let about = key.reference(&known.workload.uid);
        self.tell(about, Severity::Normal, POSTPONED, &message).await;
    }

    /// Once for each workload.
    pub(super) async fn tell_left(
        &self,
        key: &WorkloadKey,
        known: &WorkloadEntry,
        other: LeftTo,
        changed: &[String],
    ) {
        if known.told.left_to == Some(other) {
            return;
        }
        self.remember(key, &known.workload.uid, |known| known.told.left_to = Some(other));
        let why = match other {
            LeftTo::Reloader => {
                "it has annotations of Reloader, and two must not restart it: to have the \
                 controller do it, remove those"
            }
            LeftTo::Flagger => {
                "it belongs to a Canary, and Flagger itself follows the Secrets that it uses"
            }
        };
        let mut message = format!("{FIELD_MANAGER} does not restart it on changed Secrets: {why}");
        if !changed.is_empty() {
            message = format!("{} changed. {message}", listed(changed));
        }
        let about = key.reference(&known.workload.uid);
        self.tell(about, Severity::Normal, SKIPPED, &message).await;
    }

    /// Once for each annotation.
    pub(super) async fn tell_invalid(&self, key: &WorkloadKey, known: &WorkloadEntry) {
        let invalid = &known.workload.opt_in.invalid;
        if known.told.invalid == *invalid {
            return;
        }
        self.remember(key, &known.workload.uid, |known| known.told.invalid.clone_from(invalid));
        if invalid.is_empty() {
            return;
        }
        let message = format!(
            "the annotation {RESTART_ON} names no Secret with {}: it holds names of Secrets of this \
             namespace, separated by commas, or * for those that the Pods use",
            listed(invalid)
        );
        let about = key.reference(&known.workload.uid);
        self.tell(about, Severity::Warning, INVALID, &message).await;
    }

    /// On what names a workload that does not exist.
    pub(super) async fn tell_missing(&self, key: &WorkloadKey) {
        let message = format!(
            "there is no {key} to restart, as the annotation {RESTART_TARGETS} asks for; it is \
             looked for again when it is created"
        );
        for (source, uid) in self.index.tell_missing(key) {
            self.tell(source.reference(&uid), Severity::Warning, TARGET_MISSING, &message).await;
        }
    }

    /// On what names workloads in a way that cannot be read.
    pub(super) async fn tell_invalid_targets(
        &self,
        key: &SourceKey,
        uid: &str,
        invalid: &[String],
    ) {
        let message = format!(
            "the annotation {RESTART_TARGETS} names no workload with {}: it holds Kind/name, \
             separated by commas, of Deployments, StatefulSets, DaemonSets and Rollouts of this \
             namespace",
            listed(invalid)
        );
        self.tell(key.reference(uid), Severity::Warning, INVALID, &message).await;
    }

    async fn tell(&self, about: ObjectReference, severity: Severity, reason: &str, message: &str) {
        self.events.publish_about(about, "Restart", severity, reason, message).await;
    }
}

/// `a`, `a and b`, `a, b and 3 others`.
pub fn listed(names: &[String]) -> String {
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
