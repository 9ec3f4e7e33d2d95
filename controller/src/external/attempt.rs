//! One attempt to bring an ExternalSecret in sync: its result goes to the status, the memory of the process and
//! an Event. If the status cannot be written, the object counts as not refreshed and is retried soon. Otherwise
//! the status would be wrong until the next interval.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crds::{ExternalSecret, ExternalSecretStatus};
use jiff::Timestamp;
use kube::{
    Api, Resource as _,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    concerned::is_announced,
    controller::ExternalSecretController,
    index::{ExternalSecretEntry, SecretState},
    outcome::{SecretEffect, SyncError, SyncFailure, Synced},
    schedule, spec,
    status::StatusUpdate,
    store::{ReferencedStores, Store},
    versions::{self, Versions},
};
use crate::{
    reason::{Failure, Reason},
    runtime::{
        Backoff, FIELD_MANAGER, Indexed as _, Now, Outcome, Priority, Severity, StatusError,
        request, version_of, write_status,
    },
    target::Applied,
};

/// The delay of the first retry. It doubles with each.
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest delay is at least this, however short the object's interval: a failing object may be costly.
const RETRY_MAX_FLOOR: Duration = Duration::from_mins(1);
/// The longest delay, however long the interval: the cause is often one that users repair in AWS.
const RETRY_MAX: Duration = Duration::from_hours(1);
/// When a request to the API server is tried again that belongs to no refresh.
const REQUEST_RETRY_DELAY: Duration = Duration::from_mins(5);
/// When a Secret that was changed during its own refresh is repaired.
const FIRST_REPAIR_DELAY: Duration = Duration::from_secs(1);
/// How often a transient error must occur before the status reports it.
const ATTEMPTS_BEFORE_STATUS: u32 = 2;

pub(super) struct Attempt<'a> {
    pub(super) controller: &'a ExternalSecretController,
    /// The object when the attempt started.
    pub(super) entry: &'a ExternalSecretEntry,
    pub(super) started: Now,
    /// The Secret at that time.
    pub(super) secret: SecretState,
}

impl ExternalSecretController {
    pub(super) fn attempt<'a>(&'a self, entry: &'a ExternalSecretEntry) -> Attempt<'a> {
        let secret = SecretState::of(self.context.secrets.get(&entry.target()).as_ref());
        Attempt { controller: self, entry, started: Now::read(), secret }
    }

    /// The object is in sync with what AWS had at this time.
    pub(super) fn report_proof(&self, entry: &ExternalSecretEntry, at: Timestamp) {
        self.measure(&entry.key, |metrics| {
            metrics.synced(&entry.key, at);
            metrics.set_proof(&entry.key, spec::period(&entry.object.spec).map(|_| at));
        });
    }
}

impl Attempt<'_> {
    pub(super) async fn record(&self, result: Result<Synced, SyncError>) -> Outcome {
        match result {
            Ok(synced) => self.record_synced(synced).await,
            Err(SyncError::Failed(failure)) => {
                self.record_failed(failure, self.started.monotonic.elapsed()).await
            }
            Err(SyncError::Superseded) => Outcome::requeue(Priority::Change, Duration::ZERO),
            Err(SyncError::NamespaceGone) => Outcome::done(),
        }
    }

    pub(super) async fn record_unmanaged(&self, failure: Failure) -> Outcome {
        match self.write_status(StatusUpdate::Unmanaged(&failure.into())).await {
            Err(_) => Outcome::requeue(Priority::Retry, REQUEST_RETRY_DELAY),
            Ok(_) => Outcome::done(),
        }
    }

    /// Removes External Secrets' finalizer from the object, which is being deleted.
    pub(super) async fn remove_finalizer(&self) -> Outcome {
        let (key, metadata) = (&self.entry.key, &self.entry.object.metadata);
        let finalizers = metadata.finalizers.iter().flatten();
        let others = finalizers.filter(|name| *name != ExternalSecret::UPSTREAM_FINALIZER);
        let body = json!({ "metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "finalizers": others.collect::<Vec<_>>(),
        } });
        let (params, patch) = (PatchParams::apply(FIELD_MANAGER), Patch::Merge(&body));
        match request(self.api().patch_metadata(&key.name, &params, &patch)).await {
            Ok(_) => info!(object = %key, "finalizer removed"),
            // The object was deleted or changed: its own watch event follows.
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => {
                let action = format!("remove the finalizer from ExternalSecret {key}");
                let Failure { reason, message } = error.failure(&action);
                warn!(object = %key, %reason, cause = message, "finalizer not removed");
                return Outcome::requeue(Priority::Retry, REQUEST_RETRY_DELAY);
            }
        }
        Outcome::done()
    }

    async fn record_synced(&self, synced: Synced) -> Outcome {
        let (key, took) = (&self.entry.key, self.started.monotonic.elapsed());
        self.controller.measure(key, |metrics| metrics.refreshed(key, took, None));
        self.controller.report_proof(self.entry, self.started.wall);
        let (change, missing) = (synced.change, synced.missing.join(", "));
        let event = change.event();
        info!(object = %key, change = event.map_or("none", |event| event.0), "in sync");

        let written = self.write_status(StatusUpdate::Synced(&synced, self.started.wall)).await;
        self.remember_synced(synced, written.err());
        let outcome = match written {
            Err(_) => self.retry(),
            Ok(_) => self.next_check(change),
        };
        if let Some((reason, message)) = event {
            self.publish(Severity::Normal, reason, message).await;
        }
        if !missing.is_empty() && (event.is_some() || written == Ok(true)) {
            let message = format!("missing in AWS and left out of the Secret: {missing}");
            self.publish(Severity::Normal, "MissingProviderSecret", &message).await;
        }
        outcome
    }

    /// `failed` is the reason if the status could not be written.
    fn remember_synced(&self, synced: Synced, failed: Option<Reason>) {
        let (entry, now, noise) = (self.entry, Instant::now(), rand::random());
        let (mut proofs, mut changes) = (Vec::new(), Vec::new());
        let stores = self.controller.stores.index.find(entry.stores());
        self.remember(|memory| {
            changes = unannounced_changes(memory, entry, &synced.versions, &stores);
            proofs = memory.looks.record_read(&entry.looks, &synced.versions, now, noise);
            memory.versions = synced.versions;
            memory.fingerprint = synced.fingerprint;
            memory.left_as = (!synced.change.is_written()).then_some(self.secret);
            if synced.change == SecretEffect::Applied(Applied::Updated) {
                memory.record_repair();
            }
            memory.failed = failed;
            if failed.is_some() {
                memory.refreshed = None;
                memory.attempts = entry.attempts.saturating_add(1);
            } else {
                memory.refreshed = Some(self.started.wall);
                memory.checked = None;
                memory.read_by_this_process = true;
                memory.synced = Some(entry.current.clone());
                memory.attempts = 0;
            }
        });
        proofs.iter().for_each(|source| self.controller.stores.prove(source, now));
        changes.iter().for_each(|(store, keys)| self.controller.stores.found(store, keys, now));
    }

    /// The plan knows when the object is due, so it is asked at once. But if the Secret already differs
    /// from what was written, something such as a webhook changes it and will do so again: back off.
    fn next_check(&self, change: SecretEffect) -> Outcome {
        let Self { controller, entry, .. } = self;
        let delay = || {
            let entry =
                controller.objects.entries.get(&entry.key).filter(|_| change.is_written())?;
            let secret = controller.context.secrets.get(&entry.target())?;
            let is_changed = !entry.is_as_written(&secret);
            is_changed.then(|| entry.repair_delay().max(FIRST_REPAIR_DELAY))
        };
        Outcome::requeue(Priority::Resync, delay().unwrap_or_default())
    }

    pub(super) async fn record_failed(&self, failure: SyncFailure, took: Duration) -> Outcome {
        let (key, reason) = (&self.entry.key, failure.reason());
        let proved =
            self.entry.proved().filter(|_| spec::period(&self.entry.object.spec).is_some());
        self.controller.measure(key, |metrics| {
            metrics.refreshed(key, took, Some(reason));
            metrics.set_proof(key, proved);
        });
        let message = failure.first_error().to_string();
        warn!(object = %key, %reason, cause = message, "not in sync");

        let written = self.write_failed(&failure).await;
        self.remember(|memory| {
            memory.failed = Some(written.err().unwrap_or(reason));
            memory.attempts = memory.attempts.saturating_add(1);
            memory.looks.record_failure(Instant::now());
            if let Some(versions) = failure.versions {
                memory.versions = *versions;
            }
        });
        if written == Ok(true) {
            self.publish(Severity::Warning, "UpdateFailed", &message).await;
        }
        self.retry()
    }

    async fn write_failed(&self, failure: &SyncFailure) -> Result<bool, Reason> {
        let entry = self.entry;
        let is_transient = failure.reason().passes();
        if is_transient && entry.attempts < ATTEMPTS_BEFORE_STATUS && entry.synced.is_some() {
            return Ok(false);
        }
        let exists = self.controller.context.secrets.contains(&entry.target());
        let stale_since = entry.refreshed.filter(|_| exists);
        self.write_status(StatusUpdate::Failed(failure, stale_since)).await
    }

    pub(super) fn remember(&self, change: impl FnOnce(&mut ExternalSecretEntry)) {
        self.controller.objects.entries.update(&self.entry.key, self.entry.uid(), change);
    }

    pub(super) async fn publish(&self, severity: Severity, reason: &str, message: &str) {
        let (events, object) = (&self.controller.context.events, &self.entry.object);
        events.publish(object.object_ref(&()), "Unseal", severity, reason, message).await;
    }

    fn retry(&self) -> Outcome {
        let interval = schedule::interval(&self.entry.object.spec);
        let delay = retry_delay(self.entry.attempts, interval, rand::random());
        Outcome::requeue(Priority::Retry, delay)
    }

    /// Writes the status if it differs from the current one. True if the API server has another one now.
    pub(super) async fn write_status(&self, update: StatusUpdate<'_>) -> Result<bool, Reason> {
        let Self { controller, entry, .. } = self;
        let current = |memory: &mut ExternalSecretEntry| memory.status.clone();
        let current = controller.objects.entries.update(&entry.key, entry.uid(), current);
        let previous = current.unwrap_or_else(|| entry.status.clone());
        let next = update.next(entry, &previous, &controller.crd, Timestamp::now());
        let Some(next) = next else { return Ok(false) };
        let mut written = self.send_status(&previous, &next).await;
        if written.as_ref().is_err_and(|error| error.is_invalid)
            && let Some(plain) = update.without_explained(&next)
        {
            written = self.send_status(&previous, &plain).await;
            if matches!(written, Ok(true))
                && !controller.crd.refuses_explained.swap(true, Ordering::Relaxed)
            {
                warn!(
                    "the CRD of ExternalSecrets refuses the condition Explained, so that reasons are in the \
                     message of Ready; install the CRD of this release"
                );
            }
        }
        written.or_else(|StatusError { failure: Failure { reason, message }, is_invalid }| {
            if is_invalid && matches!(update, StatusUpdate::Unmanaged(_)) {
                return Ok(false);
            }
            warn!(object = %entry.key, %reason, cause = message, "status not written");
            Err(reason)
        })
    }

    async fn send_status(
        &self,
        previous: &ExternalSecretStatus,
        next: &ExternalSecretStatus,
    ) -> Result<bool, StatusError> {
        let (name, patch) = (&self.entry.key.name, merge_patch(previous, next));
        let written = write_status(&self.api(), name, self.entry.uid(), &patch).await?;
        let Some(ExternalSecret { metadata, status, .. }) = written else { return Ok(false) };
        let status = status.unwrap_or_default();
        if !next.versions.is_empty() {
            self.check_pruning(&status);
        }
        self.remember(|memory| {
            memory.status = Arc::new(status);
            memory.resource_version = memory.resource_version.max(version_of(&metadata));
        });
        Ok(true)
    }

    fn api(&self) -> Api<ExternalSecret> {
        let client = self.controller.context.client.clone();
        Api::namespaced(client, &self.entry.key.namespace)
    }

    fn check_pruning(&self, written: &ExternalSecretStatus) {
        let is_pruned = written.versions.is_empty();
        let was_pruned = self.controller.crd.prunes_record.swap(is_pruned, Ordering::Relaxed);
        if is_pruned && !was_pruned {
            warn!(
                "the CRD of ExternalSecrets has no field status.versions, so that older versions of a \
                 value are not detected after a restart; install the CRD of this release"
            );
        }
    }
}

/// The keys of changed versions, by store, that an event should have announced and none did. `before` is the entry
/// when the read began.
fn unannounced_changes(
    memory: &ExternalSecretEntry,
    before: &ExternalSecretEntry,
    read: &Versions,
    stores: &ReferencedStores,
) -> Vec<(Arc<Store>, Vec<String>)> {
    if !is_announced(&before.object.spec) {
        return Vec::new();
    }
    // The events of this label name another one.
    let is_expected = |key: &&str| {
        before.looks.expects(key) || memory.looks.expects(key) || key.ends_with("#AWSPREVIOUS")
    };
    let changes = stores.values().flatten().map(|store| {
        let scope = versions::scope(store, None);
        let changed = before.versions.changed(read, &scope).filter(|key| !is_expected(key));
        (store.clone(), changed.map(ToOwned::to_owned).collect())
    });
    changes.filter(|(_, keys): &(_, Vec<_>)| !keys.is_empty()).collect()
}

/// When to retry a failing object, as long as nothing that it depends on changes: soon at first, and then never more
/// often than an object in sync is checked.
fn retry_delay(failures: u32, interval: Duration, noise: u32) -> Duration {
    let interval = if interval.is_zero() { RETRY_MAX } else { interval };
    let max = interval.clamp(RETRY_MAX_FLOOR, RETRY_MAX);
    if RETRY_FIRST.saturating_mul(1 << failures.min(16)) < max {
        return Backoff { first: RETRY_FIRST, max }.delay(failures, noise);
    }
    max.mul_f64(1.0 + f64::from(noise) / f64::from(u32::MAX) / 10.0)
}

/// A merge patch of the status. It removes versions that are gone by their names.
fn merge_patch(previous: &ExternalSecretStatus, next: &ExternalSecretStatus) -> serde_json::Value {
    let removed = previous.versions.keys().map(|name| (name, None));
    let present = next.versions.iter().map(|(name, version)| (name, Some(version)));
    let versions: BTreeMap<_, _> = removed.chain(present).collect();
    json!({
        "observedGeneration": next.observed_generation,
        "refreshTime": next.refresh_time,
        "provedTime": next.proved_time,
        "syncedResourceVersion": next.synced_resource_version,
        "binding": next.binding,
        "conditions": next.conditions,
        "fingerprint": next.fingerprint,
        "versions": versions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// external-secrets#6728: an object with an interval of a day made 200 requests a day when it failed.
    #[test]
    fn failing_object_is_never_checked_more_often_than_a_healthy_one() {
        let hour = Duration::from_hours(1);
        for (interval, least) in [
            (Duration::from_secs(1), Duration::from_mins(1)),
            (Duration::from_mins(1), Duration::from_mins(1)),
            (Duration::from_mins(20), Duration::from_mins(20)),
            (hour, hour),
            (Duration::from_hours(24), hour),
            (Duration::ZERO, hour),
        ] {
            for noise in [0, u32::MAX] {
                let delay = retry_delay(u32::MAX, interval, noise);
                assert!(delay >= least && delay <= least.mul_f64(1.1), "{interval:?} {delay:?}");
            }
        }
    }

    #[test]
    fn first_retries_are_quick_and_their_delays_double() {
        let delays =
            |interval| (0..).map(move |failures| retry_delay(failures, interval, u32::MAX));
        let hour = Duration::from_hours(1);
        let quick: Vec<_> = delays(hour).take_while(|delay| *delay < hour).collect();
        assert_eq!(quick[0], Duration::from_secs(1));
        assert!(quick.windows(2).all(|pair| pair[1] == pair[0] * 2));
        assert_eq!(quick.len(), 12);
    }
}
