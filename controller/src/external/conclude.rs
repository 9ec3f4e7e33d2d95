//! What follows from a refresh: what is remembered, the status, the Event, and when the next one is.
//!
//! What can go wrong: the status cannot be written. Then the object counts as not refreshed, and it is done
//! again soon: a status that is not told must not wait for the next interval.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crds::{ExternalSecret, ExternalSecretStatus, external_secret::condition};
use jiff::Timestamp;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    assemble::Complaint,
    controller::{ExternalSecretController, is_valid},
    index::ExternalSecretEntry,
    schedule,
    status::{self, Done, Failed, Outcome},
    upstream_crd::UpstreamCrd,
    versions::Versions,
    watches::CALM,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::FIELD_MANAGER,
    runtime::api::{RequestError, request, version_of},
    runtime::events::Severity,
    runtime::queue::Priority,
    target::{Applied, SecretSnapshot, fingerprint::Mac},
};

const BACK_OFF_FIRST: Duration = Duration::from_secs(1);
/// What usually passes by itself is tried at least so often.
pub(super) const BACK_OFF_PASSING: Duration = Duration::from_mins(5);
/// What does not is tried at least so often, or once an interval if that is shorter.
const BACK_OFF_MOST: Duration = Duration::from_mins(30);
const RETRIES_PASSING: &str = "within 5m";
const RETRIES: &str = "when the object changes, and within 30m or the interval";
/// What usually passes by itself is said in the status only after this many attempts.
const PATIENCE: u32 = 2;

/// When a refresh began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    clock: Instant,
    date: Timestamp,
    /// What the Secret was like then.
    secret: Option<Mac>,
}

/// What a refresh has come to.
pub(super) enum Ended {
    /// The Secret is as it must be.
    Done(Synced),
    /// It is not.
    Failed(Unsynced),
    /// Something changed meanwhile: from the beginning.
    Again,
    /// There is nothing to do.
    Nothing,
}

/// The Secret is as it must be.
pub(super) struct Synced {
    /// Of `Ready`.
    pub(super) reason: &'static str,
    /// Of `Ready`, in External Secrets' words.
    pub(super) message: &'static str,
    /// Whether the status is to name the Secret.
    pub(super) binding: bool,
    /// What was done to it.
    pub(super) applied: Applied,
    /// Whether it was there, and is deleted now.
    pub(super) is_deleted: bool,
    /// The versions that were read.
    pub(super) versions: Versions,
    /// The MAC of the Secret, where it has no hash.
    pub(super) fingerprint: Option<String>,
    /// The entries whose value is gone, where that is no error.
    pub(super) missing: Vec<String>,
}

/// The Secret is not as it must be.
pub(super) struct Unsynced {
    /// Of `Ready`, in External Secrets' words.
    pub(super) message: &'static str,
    /// Whether the status is to name the Secret.
    pub(super) binding: bool,
    /// Why.
    pub(super) complaints: Complaints,
    /// What is known of versions now, if that has changed.
    pub(super) versions: Option<Versions>,
}

/// What is wrong; never nothing.
pub(super) struct Complaints(pub(super) Vec<Complaint>);

/// Whether a status was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    /// It was.
    Written,
    /// It is the one that is there, or there is nobody to tell.
    Already,
    /// It could not be.
    Not,
}

impl Begun {
    pub(super) fn now(seen: Option<&SecretSnapshot>) -> Self {
        let secret = seen.map(|seen| seen.content);
        Self { clock: Instant::now(), date: Timestamp::now(), secret }
    }
}

impl From<Failure> for Complaints {
    fn from(failure: Failure) -> Self {
        Self(vec![Complaint { entry: String::new(), failure }])
    }
}

impl Complaints {
    fn reason(&self) -> Reason {
        self.0.first().map_or(Reason::Unavailable, |first| first.failure.reason)
    }

    /// The first one, for an Event.
    fn told(&self) -> String {
        let told = self.0.first().map(|Complaint { entry, failure }| {
            let colon = if entry.is_empty() { "" } else { ": " };
            format!("{entry}{colon}{failure}")
        });
        told.unwrap_or_default()
    }
}

impl ExternalSecretController {
    /// Does what follows from a refresh.
    pub(super) async fn conclude(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        ended: Ended,
        begun: Begun,
    ) {
        let took = begun.clock.elapsed();
        match ended {
            Ended::Again => self.queue.add(key.clone(), Priority::Change, Duration::ZERO),
            Ended::Nothing => {}
            Ended::Done(synced) => {
                self.metrics.refreshed(key, took, None);
                self.metrics.synced(key, begun.date);
                self.in_sync(key, known, synced, begun).await;
            }
            Ended::Failed(unsynced) => {
                self.metrics.refreshed(key, took, Some(unsynced.complaints.reason()));
                self.not_in_sync(key, known, unsynced).await;
            }
        }
    }

    async fn in_sync(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        synced: Synced,
        begun: Begun,
    ) {
        let refreshed = begun.date;
        let Synced {
            reason,
            message,
            binding,
            applied,
            is_deleted,
            versions,
            fingerprint,
            missing,
        } = synced;
        let record = versions.record();
        self.objects.update(key, known.uid(), |known| {
            known.versions = versions;
            (known.refreshed, known.is_own) = (Some(refreshed), true);
            known.failed = None;
            known.attempts = 0;
            known.fingerprint.clone_from(&fingerprint);
            known.left = (applied == Applied::Absent).then_some(begun.secret);
            if applied == Applied::Updated {
                known.mended(Instant::now());
            }
        });
        self.objects.update(key, known.uid(), |now| now.synced = Some(known.current.clone()));
        let verb = match applied {
            Applied::Created => Some(("Created", "secret created")),
            Applied::Updated => Some(("Updated", "secret updated")),
            Applied::Absent if is_deleted => Some(("Deleted", "secret deleted")),
            Applied::Unchanged | Applied::Absent => None,
        };
        info!(object = %key, change = verb.map_or("none", |verb| verb.0), "in sync");
        let target = known.target();
        let outcome = Outcome::Done(Done {
            reason,
            message,
            binding: binding.then_some(target.name.as_str()),
            refreshed,
            synced: &known.current,
            versions: &record,
            fingerprint: fingerprint.as_deref(),
        });
        let told = self.write_status(key, known, outcome).await;
        if told == Told::Not {
            self.objects.update(key, known.uid(), |now| {
                now.refreshed = None;
                now.synced.clone_from(&known.synced);
                now.attempts = known.attempts.saturating_add(1);
            });
            let interval = schedule::interval(&known.object.spec);
            let pause = back_off(Reason::Unavailable, known.attempts, interval, rand::random());
            self.queue.add(key.clone(), Priority::Retry, pause);
        } else {
            // The next time, as the schedule has it. What is not as it was written even now is somebody
            // else's doing, such as a webhook's, and will be so again.
            let written = self.secrets.get(&target).filter(|_| applied != Applied::Absent);
            let is_fine = written.is_none_or(|seen| is_valid(&seen, fingerprint.as_deref()));
            let calm = if is_fine { Duration::ZERO } else { self.calm(key) };
            self.queue.add(key.clone(), Priority::Resync, calm.max(Duration::from_millis(1)));
        }
        if let Some((reason, message)) = verb {
            self.events.publish(&*known.object, Severity::Normal, reason, message).await;
        }
        if !missing.is_empty() && (verb.is_some() || told == Told::Written) {
            let message = format!("no value in AWS any more, and left out: {}", missing.join(", "));
            let reason = "MissingProviderSecret";
            self.events.publish(&*known.object, Severity::Normal, reason, &message).await;
        }
    }

    async fn not_in_sync(&self, key: &ObjectKey, known: &ExternalSecretEntry, unsynced: Unsynced) {
        let Unsynced { message, binding, complaints, versions } = unsynced;
        let (reason, told) = (complaints.reason(), complaints.told());
        warn!(object = %key, %reason, message = told, "not in sync");
        self.objects.update(key, known.uid(), |known| {
            known.failed = Some(reason);
            known.attempts = known.attempts.saturating_add(1);
            if let Some(versions) = versions {
                known.versions = versions;
            }
        });
        let interval = schedule::interval(&known.object.spec);
        let pause = back_off(reason, known.attempts, interval, rand::random());
        self.queue.add(key.clone(), Priority::Retry, pause);
        let is_new = known.synced.is_none();
        if reason.passes() && known.attempts < PATIENCE && !is_new {
            return;
        }
        let target = known.target();
        let outcome = Outcome::Failed(Failed {
            message,
            binding: binding.then_some(target.name.as_str()),
            complaints: &complaints.0,
            since: known.refreshed.filter(|_| self.secrets.contains(&target)),
            retries: if reason.passes() { RETRIES_PASSING } else { RETRIES },
        });
        if self.write_status(key, known, outcome).await == Told::Written {
            let object = &*known.object;
            self.events.publish(object, Severity::Warning, "UpdateFailed", &told).await;
        }
    }

    /// Says that an object is left alone, since a store of it is not for this controller.
    pub(super) async fn leave(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        failure: Failure,
    ) {
        let complaint = Complaint { entry: String::new(), failure };
        if self.write_status(key, known, Outcome::Left(&complaint)).await == Told::Not {
            self.queue.add(key.clone(), Priority::Retry, BACK_OFF_PASSING);
        }
    }

    /// Takes back that it was left to another controller, once it is not.
    pub(super) async fn settle(&self, key: &ObjectKey, known: &ExternalSecretEntry) {
        let is_explained = condition(&known.status.conditions, "Explained").is_some();
        if is_explained && known.failed.is_none() {
            self.write_status(key, known, Outcome::Ours).await;
        }
    }

    fn calm(&self, key: &ObjectKey) -> Duration {
        self.objects.get(key).map_or(CALM, |known| known.calm(CALM).max(CALM))
    }

    /// Writes the status if it differs.
    async fn write_status(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        outcome: Outcome<'_>,
    ) -> Told {
        let now = self.objects.get(key).filter(|now| now.uid() == known.uid());
        let previous = now.map_or_else(|| known.status.clone(), |now| now.status);
        let previous = self.upstream_crd.before((*previous).clone(), outcome);
        let next = status::next(&previous, outcome, Timestamp::now());
        let Some(next) = next.and_then(|next| self.upstream_crd.taken(next, &previous, outcome))
        else {
            return Told::Already;
        };
        let mut written = self.send_status(key, known, &previous, &next).await;
        if written.as_ref().is_err_and(RequestError::is_invalid)
            && let Some(plain) = UpstreamCrd::plainer(&next, outcome)
        {
            written = self.send_status(key, known, &previous, &plain).await;
            if written.is_ok() {
                self.upstream_crd.refused();
            }
        }
        match written {
            Ok(()) => Told::Written,
            // Deleted, or another one by now: its own event comes.
            Err(error) if error.is_not_found() || error.is_conflict() => Told::Already,
            // What others look after needs no word.
            Err(error) if error.is_invalid() && matches!(outcome, Outcome::Left(_)) => {
                Told::Already
            }
            Err(error) => {
                let failure = error.failure(&format!("write the status of ExternalSecret {key}"));
                warn!(object = %key, reason = %failure.reason, message = failure.message, "no status");
                self.objects.update(key, known.uid(), |known| known.failed = Some(failure.reason));
                Told::Not
            }
        }
    }

    async fn send_status(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        previous: &ExternalSecretStatus,
        next: &ExternalSecretStatus,
    ) -> Result<(), RequestError> {
        let api: Api<ExternalSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let body = json!({ "metadata": { "uid": known.uid() }, "status": patch(previous, next) });
        let written = request(api.patch_status(&key.name, &params, &Patch::Merge(&body))).await?;
        let version = version_of(&written.metadata);
        let status = Arc::new(written.status.unwrap_or_default());
        self.upstream_crd.kept(next, &status);
        self.objects.update(key, known.uid(), |known| known.noted(status, version));
        Ok(())
    }
}

/// A merge patch of the status. Versions that are gone are removed by name.
fn patch(previous: &ExternalSecretStatus, next: &ExternalSecretStatus) -> serde_json::Value {
    let mut versions: BTreeMap<&str, Option<&str>> =
        previous.versions.keys().map(|name| (name.as_str(), None)).collect();
    versions.extend(next.versions.iter().map(|(name, id)| (name.as_str(), Some(id.as_str()))));
    json!({
        "refreshTime": next.refresh_time,
        "syncedResourceVersion": next.synced_resource_version,
        "binding": next.binding,
        "conditions": next.conditions,
        "fingerprint": next.fingerprint,
        "versions": versions,
    })
}

/// It has failed, before anything was read.
pub(super) fn failed(message: &'static str, failure: Failure) -> Ended {
    Ended::Failed(Unsynced { message, binding: false, complaints: failure.into(), versions: None })
}

/// It is as it must be, and nothing was read.
pub(super) fn done(
    reason: &'static str,
    message: &'static str,
    known: &ExternalSecretEntry,
) -> Ended {
    Ended::Done(Synced {
        reason,
        message,
        binding: false,
        applied: Applied::Absent,
        is_deleted: false,
        versions: known.versions.clone(),
        fingerprint: known.fingerprint.clone(),
        missing: Vec::new(),
    })
}

/// Exponential, without a last attempt; `noise` spreads what failed together.
fn back_off(reason: Reason, attempts: u32, interval: Duration, noise: u32) -> Duration {
    let interval = if interval.is_zero() { BACK_OFF_MOST } else { interval };
    let most = if reason.passes() { BACK_OFF_PASSING } else { BACK_OFF_MOST };
    let most = most.min(interval.max(BACK_OFF_FIRST));
    let full = BACK_OFF_FIRST.saturating_mul(1 << attempts.min(16)).min(most);
    let share = f64::from(noise) / f64::from(u32::MAX);
    full.mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// external-secrets#6728: an object that is read once a day made 200 requests a day when it failed.
    #[test]
    fn what_fails_is_not_asked_for_more_and_more_often() {
        let day = Duration::from_secs(86_400);
        let denied = |attempts| back_off(Reason::AccessDenied, attempts, day, u32::MAX);
        assert_eq!(denied(0), Duration::from_secs(1));
        assert_eq!(denied(u32::MAX), BACK_OFF_MOST);
        let short = Duration::from_secs(5);
        assert_eq!(back_off(Reason::NotFound, 9, short, u32::MAX), short);
        assert_eq!(back_off(Reason::Throttled, 99, day, u32::MAX), BACK_OFF_PASSING);
    }
}
