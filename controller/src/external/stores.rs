//! What is known of a store, in its status.
//!
//! `Ready` has External Secrets' reasons. `BatchReads` is ours: whether values may be read in batches,
//! which is found out once and survives restarts. A store of another provider gets `Supported` alone:
//! what else stands in its status is its own controller's.

use std::{sync::Arc, time::Duration};

use crds::{
    ClusterSecretStore, SecretStore, StoreStatus,
    external_secret::{Condition, condition},
};
use jiff::Timestamp;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tokio::time::Instant;
use tracing::warn;

use super::{
    controller::ExternalSecretController,
    status::second,
    store::{Store, StoreKey},
};
use crate::runtime::go_duration;
use crate::{
    aws::{
        identity::has_references_without_namespace,
        planner::{BATCH_RECHECK_INTERVAL, BatchPermission},
        service::{BATCH_GET_SECRET_VALUE_ACTION, GET_PARAMETERS_ACTION},
    },
    reason::{Failure, Reason},
    runtime::FIELD_MANAGER,
    runtime::api::request,
    runtime::events::Severity,
    runtime::queue::Priority,
};

/// How often a store is checked, if neither it nor the operator says it.
pub const INTERVAL: Duration = Duration::from_mins(5);
/// How often at least, whatever it says.
const LONGEST: Duration = Duration::from_hours(24);
const BATCH_READS: &str = "BatchReads";
const CAPABILITIES: &str = "ReadWrite";

/// What a check has found.
enum Found {
    /// Credentials are there.
    Valid,
    /// It depends on who asks.
    Referent,
    /// The spec is not as it should be.
    Invalid(Failure),
    /// There are no credentials.
    Refused(Failure),
    /// It is not for this provider.
    Unsupported(Failure),
}

impl Found {
    /// Whether it is what the store names that is not there, or AWS that refuses it.
    fn without_credentials(failure: Failure) -> Self {
        match failure.reason {
            Reason::StoreInvalid => Self::Invalid(failure),
            _ => Self::Refused(failure),
        }
    }
}

/// What a store's status tells of batches. What was denied long ago is not known any more: the right may
/// have been given since.
pub fn batches(store: &Store, now: Timestamp) -> BatchPermission {
    let Some(told) = condition(&store.status.conditions, BATCH_READS) else {
        return BatchPermission::Unknown;
    };
    // The spec may be one of another role by now, or of another service.
    if told.observed_generation.is_some_and(|generation| generation != store.generation) {
        return BatchPermission::Unknown;
    }
    let since = told.last_transition_time.as_deref().and_then(|time| time.parse().ok());
    let is_old = since.is_none_or(|since: Timestamp| {
        now.duration_since(since).as_secs() >= BATCH_RECHECK_INTERVAL.as_secs().cast_signed()
    });
    let is_parameters =
        store.aws().is_ok_and(|aws| aws.service == crds::secret_store::AwsService::ParameterStore);
    match told.status.as_str() {
        "True" => BatchPermission::Allowed,
        "False" if is_old => BatchPermission::Unknown,
        "False" if is_parameters => BatchPermission::Denied(GET_PARAMETERS_ACTION),
        "False" => BatchPermission::Denied(BATCH_GET_SECRET_VALUE_ACTION),
        _ => BatchPermission::Unknown,
    }
}

/// Whether a status says that the store can be used.
pub(super) fn is_ready(status: &StoreStatus) -> bool {
    condition(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Whether what was found is news for a status.
pub fn tells(status: &StoreStatus, found: BatchPermission) -> bool {
    let told = condition(&status.conditions, BATCH_READS).map(|told| told.status.as_str());
    match found {
        BatchPermission::Unknown => false,
        BatchPermission::Allowed => told != Some("True"),
        BatchPermission::Denied(_) => told != Some("False"),
    }
}

impl ExternalSecretController {
    /// Looks at one store.
    pub async fn check_store(&self, key: &StoreKey) {
        let Some(store) = self.stores.get(key) else { return };
        if store.is_foreign(&self.settings.class) {
            return;
        }
        let begun = Instant::now();
        let (found, batches) = self.find_out(&store).await;
        let interval = interval(&store).unwrap_or(self.store_interval);
        self.store_queue.add(key.clone(), Priority::Resync, interval);
        let is_ready = matches!(found, Found::Valid | Found::Referent);
        self.metrics.store(key, is_ready);
        self.metrics.store_checked(key, begun.elapsed());
        let Some(next) = next(&store.status, &found, (batches, store.generation), Timestamp::now())
        else {
            return;
        };
        let was_ready =
            condition(&store.status.conditions, "Ready").map(|ready| ready.status.clone());
        if !self.write_store(&store, &next).await {
            return;
        }
        let ready = condition(&next.conditions, "Ready").or_else(|| next.conditions.first());
        if let Some(ready) = ready.filter(|ready| was_ready.as_ref() != Some(&ready.status)) {
            let severity = if is_ready { Severity::Normal } else { Severity::Warning };
            let (reason, message) = (&ready.reason, &ready.message);
            let (reason, message) =
                (reason.as_deref().unwrap_or_default(), message.as_deref().unwrap_or_default());
            self.say(&store, severity, reason, message).await;
        }
        if is_ready && was_ready.as_deref() != Some("True") {
            self.wake(key);
        }
    }

    /// Looks again at the objects that are not in sync and read from this store.
    pub fn wake(&self, store: &StoreKey) {
        for object in self.objects.waiting_for(store) {
            self.queue.add(object, Priority::Change, Duration::ZERO);
        }
    }

    async fn find_out(&self, store: &Store) -> (Found, BatchPermission) {
        if !store.spec.provider.contains_key("aws") {
            let found = match store.aws() {
                Err(failure) => Found::Unsupported(failure),
                Ok(_) => Found::Valid,
            };
            return (found, BatchPermission::Unknown);
        }
        let aws = match store.aws() {
            Ok(aws) => aws,
            Err(failure) => return (Found::Invalid(failure), BatchPermission::Unknown),
        };
        let known = batches(store, Timestamp::now());
        if let Err(failure) = store.check_conditions() {
            return (Found::Invalid(failure), BatchPermission::Unknown);
        }
        if store.key.namespace.is_none() && has_references_without_namespace(&aws) {
            return (Found::Referent, known);
        }
        let namespace = store.key.namespace.clone().unwrap_or_default();
        let content =
            |secret: &crate::key::ObjectKey| Some(*self.secrets.get(secret)?.content.as_bytes());
        let identity = match store.identity(&namespace, content) {
            Ok(identity) => identity,
            Err(failure) => return (Found::Invalid(failure), BatchPermission::Unknown),
        };
        if store.is_by_namespace() {
            return (Found::Referent, known);
        }
        let reader = match self.pool.reader(identity, known).await {
            Ok(reader) => reader,
            Err(failure) => return (Found::without_credentials(failure), BatchPermission::Unknown),
        };
        let found = match reader.credentials.get().await {
            Ok(_) => Found::Valid,
            Err(failure) => Found::without_credentials(failure),
        };
        (found, reader.planner.batch_permission())
    }

    async fn write_store(&self, store: &Arc<Store>, next: &StoreStatus) -> bool {
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let body = Patch::Merge(json!({ "metadata": { "uid": store.uid }, "status": next }));
        let name = &store.key.name;
        let written = if let Some(namespace) = &store.key.namespace {
            let api: Api<SecretStore> = Api::namespaced(self.client.clone(), namespace);
            request(api.patch_status(name, &params, &body)).await.map(drop)
        } else {
            let api: Api<ClusterSecretStore> = Api::all(self.client.clone());
            request(api.patch_status(name, &params, &body)).await.map(drop)
        };
        match written {
            Ok(()) => true,
            Err(error) if error.is_not_found() || error.is_conflict() => false,
            Err(error) => {
                let failure = error.failure(&format!("write the status of {}", store.key));
                warn!(store = %store.key, reason = %failure.reason, message = failure.message, "no status");
                false
            }
        }
    }

    async fn say(&self, store: &Store, severity: Severity, reason: &str, message: &str) {
        let metadata = kube::api::ObjectMeta {
            name: Some(store.key.name.clone()),
            namespace: store.key.namespace.clone(),
            uid: Some(store.uid.clone()),
            ..kube::api::ObjectMeta::default()
        };
        if store.key.namespace.is_some() {
            let object = SecretStore { metadata, spec: store.spec.clone(), status: None };
            self.events.publish(&object, severity, reason, message).await;
        } else {
            let spec = crds::secret_store::ClusterSecretStoreSpec { store: store.spec.clone() };
            let object = ClusterSecretStore { metadata, spec, status: None };
            self.events.publish(&object, severity, reason, message).await;
        }
    }
}

/// The interval that a store asks for: seconds, or as Go writes durations.
pub(super) fn interval(store: &Store) -> Option<Duration> {
    let interval = match store.spec.refresh_interval.as_ref()? {
        serde_json::Value::Number(seconds) => Duration::from_secs(seconds.as_u64()?),
        serde_json::Value::String(text) => go_duration::parse(text)?,
        _ => return None,
    };
    (interval >= Duration::from_secs(1)).then(|| interval.min(LONGEST))
}

/// The status of a store; none when it is the one that is there.
fn next(
    previous: &StoreStatus,
    found: &Found,
    (batches, generation): (BatchPermission, i64),
    now: Timestamp,
) -> Option<StoreStatus> {
    let of = |type_: &str, is: bool, reason: &str, message: String| Condition {
        type_: type_.to_owned(),
        status: if is { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: None,
        observed_generation: None,
    };
    let mut status = previous.clone();
    let mut set = |condition: Condition| {
        status.conditions.retain(|other| other.type_ != condition.type_);
        status.conditions.push(condition);
    };
    match found {
        Found::Unsupported(failure) => {
            set(of("Supported", false, failure.reason.as_str(), failure.message.clone()));
        }
        Found::Valid => set(of("Ready", true, "Valid", "store validated".to_owned())),
        Found::Referent => {
            let message = "could not determine validation status".to_owned();
            set(of("Ready", true, "ValidationUnknown", message));
        }
        Found::Invalid(failure) => {
            let message = format!("unable to create client: {failure}");
            set(of("Ready", false, "InvalidProviderConfig", message));
        }
        Found::Refused(failure) => {
            let message = format!("unable to validate store: {failure}");
            set(of("Ready", false, "ValidationFailed", message));
        }
    }
    let of_batches = match batches {
        BatchPermission::Unknown => None,
        BatchPermission::Allowed => {
            Some(of(BATCH_READS, true, "Allowed", "values are read in batches".to_owned()))
        }
        BatchPermission::Denied(action) => Some(of(
            BATCH_READS,
            false,
            "AccessDenied",
            format!(
                "each value is read singly: allow {action}{} to read many in one request; it is \
                 asked for again once a day",
                if action == BATCH_GET_SECRET_VALUE_ACTION {
                    " on * (it gives no value that the single read is not allowed for)"
                } else {
                    ""
                }
            ),
        )),
    };
    if let Some(found) = of_batches {
        // Where the CRD in force drops it, it is no news.
        let before = condition(&previous.conditions, BATCH_READS);
        let observed_generation = before
            .map_or(Some(generation), |before| before.observed_generation.map(|_| generation));
        set(Condition { observed_generation, ..found });
    }
    if !matches!(found, Found::Unsupported(_)) {
        status.capabilities = Some(CAPABILITIES.to_owned());
    }
    for condition in &mut status.conditions {
        let before = crds::external_secret::condition(&previous.conditions, &condition.type_);
        // What is found out of another spec is of now.
        let before = before.filter(|before| {
            before.status == condition.status
                && before.observed_generation == condition.observed_generation
        });
        let since = before.and_then(|before| before.last_transition_time.clone());
        condition.last_transition_time = Some(since.unwrap_or_else(|| second(now)));
    }
    (status != *previous).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(0).unwrap()
    }

    /// What this status tells of batches, so many hours later.
    fn told(status: &StoreStatus, service: &str, hours: i64) -> BatchPermission {
        let aws = serde_json::json!({ "service": service, "region": "r" });
        let mut store = crate::external::store::tests::store("n", "s", aws);
        store.status = status.clone();
        batches(&store, Timestamp::from_second(hours * 3600).unwrap())
    }

    #[test]
    fn a_status_is_written_when_something_is_new() {
        let none = StoreStatus::default();
        let valid = next(&none, &Found::Valid, (BatchPermission::Unknown, 1), now()).unwrap();
        assert_eq!(valid.conditions[0].reason.as_deref(), Some("Valid"));
        assert_eq!(valid.capabilities.as_deref(), Some("ReadWrite"));
        assert_eq!(next(&valid, &Found::Valid, (BatchPermission::Unknown, 1), now()), None);
        let batched = next(&valid, &Found::Valid, (BatchPermission::Allowed, 1), now()).unwrap();
        assert_eq!(told(&batched, "SecretsManager", 0), BatchPermission::Allowed);
        assert!(
            !tells(&batched, BatchPermission::Allowed) && tells(&valid, BatchPermission::Allowed)
        );
    }

    #[test]
    fn the_missing_right_is_named_and_remembered() {
        for (service, action, words) in [
            (
                "SecretsManager",
                BATCH_GET_SECRET_VALUE_ACTION,
                "secretsmanager:BatchGetSecretValue on *",
            ),
            ("ParameterStore", GET_PARAMETERS_ACTION, "allow ssm:GetParameters to read"),
        ] {
            let denied = BatchPermission::Denied(action);
            let status = next(&StoreStatus::default(), &Found::Valid, (denied, 1), now()).unwrap();
            assert_eq!(told(&status, service, 0), denied);
            let batches = condition(&status.conditions, BATCH_READS).unwrap();
            let message = batches.message.as_deref().unwrap();
            assert!(message.contains(words), "{message}");
            // The right may have been given since: it is asked for, and that it is missing is no news.
            assert_eq!(told(&status, service, 25), BatchPermission::Unknown);
            assert!(!tells(&status, denied) && tells(&status, BatchPermission::Allowed));
            // External Secrets' CRD drops the generation: that must not be written again and again.
            let mut pruned = status.clone();
            pruned.conditions.iter_mut().for_each(|each| each.observed_generation = None);
            assert_eq!(next(&pruned, &Found::Valid, (denied, 1), now()), None);
            // It says nothing of another role.
            let other = next(&status, &Found::Valid, (denied, 2), now()).unwrap();
            assert_eq!(told(&other, service, 0), BatchPermission::Unknown);
        }
    }

    #[test]
    fn another_providers_status_is_left_to_its_controller() {
        let failure = Failure::new(Reason::StoreInvalid, "x");
        let others = StoreStatus {
            conditions: vec![Condition {
                type_: "Ready".into(),
                status: "True".into(),
                last_transition_time: Some("1970-01-01T00:00:00Z".into()),
                ..Condition::default()
            }],
            capabilities: None,
        };
        let status =
            next(&others, &Found::Unsupported(failure), (BatchPermission::Unknown, 1), now())
                .unwrap();
        assert_eq!(status.conditions[0], others.conditions[0]);
        assert_eq!(status.conditions[1].type_, "Supported");
        assert_eq!(status.capabilities, None);
    }
}
