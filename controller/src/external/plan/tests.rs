//! From what is observed to what is done.

mod checks;

use std::sync::Arc;

use crds::external_secret::Condition;
use serde_json::{Value, json};

use super::*;
use crate::{
    external::{
        index::SecretState,
        store::tests::{cluster_store, store},
    },
    runtime::{mac::MacKey, secret::SecretObject},
};

const NOW: i64 = 1_800_000_000;

/// An object in sync, which this process read ten minutes ago and reads once an hour.
struct World {
    entry: ExternalSecretEntry,
    secret: Option<SecretSnapshot>,
    stores: ReferencedStores,
    namespace_is_terminating: bool,
    watches_cluster_stores: bool,
}

fn seconds_ago(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW - seconds).unwrap()
}

fn object(spec: Value) -> ExternalSecretEntry {
    let metadata = json!({ "namespace": "n", "name": "s", "uid": "u", "generation": 1 });
    ExternalSecretEntry::of(
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap(),
    )
}

fn secret(value: &str) -> SecretSnapshot {
    let secret: SecretObject = serde_json::from_value(json!({
        "metadata": { "namespace": "n", "name": "s",
                      "labels": { "reconcile.external-secrets.io/managed": "true" } },
        "data": { "A": value },
    }))
    .unwrap();
    SecretSnapshot::of(&MacKey::from_bytes(&[7; MacKey::BYTES]).unwrap(), &secret)
}

fn aws() -> Value {
    json!({ "service": "SecretsManager", "region": "eu-west-1" })
}

fn condition(type_: &str, reason: &str) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        ..Condition::default()
    }
}

impl World {
    fn in_sync() -> Self {
        let mut world = Self::with_spec(json!({}));
        let secret = secret("MQ==");
        let entry = &mut world.entry;
        entry.synced = Some(entry.current.clone());
        entry.refreshed = Some(seconds_ago(600));
        entry.read_by_this_process = true;
        entry.fingerprint = Some(secret.content.to_string());
        world.secret = Some(secret);
        world.conditions(vec![condition("Ready", "SecretSynced")]);
        Arc::make_mut(&mut world.entry.status).binding.name = "s".to_owned();
        world
    }

    fn with_spec(mut spec: Value) -> Self {
        spec["secretStoreRef"] = json!({ "name": "own" });
        let mut world = Self {
            entry: object(spec),
            secret: None,
            stores: ReferencedStores::new(),
            namespace_is_terminating: false,
            watches_cluster_stores: true,
        };
        world.store(store("n", "own", aws()));
        world
    }

    fn store(&mut self, store: Store) {
        self.stores = [(store.key.clone(), Some(Arc::new(store)))].into();
    }

    fn conditions(&mut self, conditions: Vec<Condition>) {
        Arc::make_mut(&mut self.entry.status).conditions = conditions;
    }

    fn without_secret(mut self) -> Self {
        self.secret = None;
        self
    }

    fn plan(&self) -> String {
        let settings = Settings {
            class: "default".to_owned(),
            writes_data_hash: true,
            copies_metadata: true,
            requires_adopt_annotation: false,
            watches_cluster_stores: self.watches_cluster_stores,
            pod_identity: PodIdentity::All,
            store_check_interval: Duration::from_mins(5),
            min_list_interval: Duration::from_mins(5),
            event_queues: 0,
            max_event_silence: Duration::from_hours(24),
        };
        let observed = Observed {
            events: schedule::Events::default(),
            entry: self.entry.clone(),
            secret: self.secret.clone(),
            stores: self.stores.clone(),
            namespace_is_terminating: self.namespace_is_terminating,
            settings: Arc::new(settings),
        };
        match plan(&observed, seconds_ago(0)) {
            Action::RemoveFinalizer => "remove finalizer".to_owned(),
            Action::Ignore(reason) => format!("ignore: {reason:?}"),
            Action::MarkUnmanaged(failure) => format!("unmanaged: {}", failure.reason),
            Action::WaitForStore => "wait for store".to_owned(),
            Action::Wait { in_sync_since, clear_diagnosis, next_check } => {
                let minutes = next_check.map(|next| next.as_secs().div_ceil(60));
                let in_sync = in_sync_since.is_some();
                format!("wait {minutes:?}, in sync: {in_sync}, clear: {clear_diagnosis}")
            }
            Action::SkipCreation => "skip creation".to_owned(),
            Action::Reject(failure) => {
                format!("reject: {}: {}", failure.message, failure.reason())
            }
            Action::Check => "check".to_owned(),
            Action::Refresh => "refresh".to_owned(),
        }
    }

    fn changed(change: impl FnOnce(&mut Self)) -> String {
        let mut world = Self::in_sync();
        change(&mut world);
        world.plan()
    }

    fn deleting(change: impl FnOnce(&mut Self)) -> String {
        Self::changed(|world| {
            let metadata = &mut Arc::make_mut(&mut world.entry.object).metadata;
            metadata.deletion_timestamp =
                serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
            metadata.finalizers = Some(vec![ExternalSecret::UPSTREAM_FINALIZER.to_owned()]);
            change(world);
        })
    }
}

fn foreign(mut store: Store) -> Store {
    store.spec.controller = "another".to_owned();
    store
}

fn vault(mut store: Store) -> Store {
    store.spec.provider = [("vault".to_owned(), json!({}))].into_iter().collect();
    store
}

const IN_SYNC: &str = "wait Some(50), in sync: true, clear: false";

#[test]
fn object_in_sync_waits_for_its_interval() {
    assert_eq!(World::changed(|_| {}), IN_SYNC);
    assert_eq!(World::changed(|world| world.entry.refreshed = Some(seconds_ago(3700))), "refresh");
    let other_version = |world: &mut World| world.entry.synced = Some("2-x".to_owned());
    assert_eq!(World::changed(other_version), "refresh");
    assert_eq!(World::changed(|world| world.secret = Some(secret("Mg=="))), "refresh");
    assert_eq!(World::in_sync().without_secret().plan(), "refresh");
}

#[test]
fn outdated_diagnosis_is_cleared_unless_the_object_failed() {
    let diagnosed = |world: &mut World| {
        let conditions = [("Ready", "SecretSynced"), ("Explained", "StoreInvalid")];
        world.conditions(conditions.map(|(type_, reason)| condition(type_, reason)).into());
    };
    assert_eq!(World::changed(diagnosed), "wait Some(50), in sync: true, clear: true");
    let failed = World::changed(|world| {
        diagnosed(world);
        world.entry.failed = Some(Reason::Throttled);
    });
    assert_eq!(failed, IN_SYNC);
    let not_ready = World::changed(|world| world.conditions(vec![]));
    assert_eq!(not_ready, "wait Some(50), in sync: false, clear: false");
}

#[test]
fn secret_that_is_absent_by_policy_is_not_repaired() {
    let absent = |reason: &str, binding: &str| {
        let mut world = World::in_sync().without_secret();
        world.conditions(vec![condition("Ready", reason)]);
        Arc::make_mut(&mut world.entry.status).binding.name = binding.to_owned();
        world
    };
    for (reason, binding, expected) in [
        ("SecretDeleted", "s", IN_SYNC),
        ("SecretMissing", "s", IN_SYNC),
        ("SecretSynced", "", IN_SYNC),
        ("SecretSynced", "s", "refresh"),
    ] {
        assert_eq!(absent(reason, binding).plan(), expected, "{reason} {binding}");
    }
    let mut changed = absent("SecretDeleted", "s");
    changed.entry.synced = Some("2-x".to_owned());
    assert_eq!(changed.plan(), "refresh");
    let mut exists = absent("SecretDeleted", "s");
    exists.secret = Some(secret("Mg=="));
    assert_eq!(exists.plan(), "refresh");
}

/// Its hash is that of the object that created it.
#[test]
fn merge_target_that_appears_later_is_merged_at_once() {
    let mut world = World::in_sync();
    assert_eq!(world.plan(), IN_SYNC);
    world.conditions(vec![condition("Ready", "SecretMissing")]);
    assert_eq!(world.plan(), "refresh");
}

/// An interval of one hour would be a guess.
#[test]
fn refresh_interval_that_is_no_duration_is_rejected() {
    let plan = |interval: &str| World::with_spec(json!({ "refreshInterval": interval })).plan();
    for interval in ["", "1d", "1d0m0s", "3600", "-1h", "soon"] {
        assert_eq!(plan(interval), format!("reject: {NO_DATA}: Malformed"), "{interval}");
    }
    for interval in ["0", "1h", "1h30m0s"] {
        assert_eq!(plan(interval), "refresh", "{interval}");
    }
    let spec = serde_json::from_value(json!({ "refreshInterval": "1d" })).unwrap();
    let failure = schedule::invalid_interval(&spec).unwrap();
    assert!(failure.message.contains("refreshInterval `1d` is not a duration"), "{failure}");
}

#[test]
fn object_with_too_many_entries_is_rejected_before_it_reads() {
    let entry = json!({ "secretKey": "A", "remoteRef": { "key": "a" } });
    let spec = |entries| json!({ "data": vec![entry.clone(); entries] });
    assert_eq!(World::with_spec(spec(2000)).plan(), "refresh");
    assert_ne!(World::with_spec(spec(2001)).plan(), "refresh");
}

#[test]
fn name_that_would_change_a_url_is_rejected_before_a_request() {
    let from = |kind: &str, name: &str| {
        let source = json!({ kind: { "name": name, "items": [] } });
        json!({ "target": { "template": { "templateFrom": [source] } } })
    };
    assert_eq!(World::with_spec(from("configMap", "a.b-c")).plan(), "refresh");
    for (spec, expected) in [
        (json!({ "target": { "name": "../../kube-system/secrets/x" } }), "InvalidSecret"),
        (from("configMap", "a?dryRun=All"), "TemplateInvalid"),
        (from("secret", ".."), "TemplateInvalid"),
        (from("secret", ""), "TemplateInvalid"),
    ] {
        let plan = World::with_spec(spec.clone()).plan();
        assert!(plan.contains(expected), "{spec}: {plan}");
    }
}

#[test]
fn secret_that_was_left_alone_is_not_repaired() {
    let foreign = secret("Mg==");
    let left_as = |state| {
        World::changed(|world| {
            world.secret = Some(foreign.clone());
            world.entry.left_as = Some(state);
        })
    };
    assert_eq!(left_as(SecretState::Present(foreign.content)), IN_SYNC);
    assert_eq!(left_as(SecretState::Present(secret("MQ==").content)), "refresh");
    assert_eq!(left_as(SecretState::Missing), "refresh");
}

#[test]
fn objects_of_other_controllers_are_not_managed() {
    let own = || store("n", "own", aws());
    let cluster = || cluster_store("own", aws());
    for (store, watches_cluster_stores, expected) in [
        (foreign(own()), true, "ignore: ForeignStore"),
        (foreign(vault(own())), true, "ignore: ForeignStore"),
        (vault(own()), true, "unmanaged: StoreInvalid"),
        (cluster(), false, "unmanaged: StoreInvalid"),
        (cluster(), true, IN_SYNC),
    ] {
        let planned = World::changed(|world| {
            world.store(store);
            world.watches_cluster_stores = watches_cluster_stores;
        });
        assert_eq!(planned, expected);
    }
}

#[test]
fn missing_store_is_waited_for_twice() {
    let missing = |attempts| {
        World::changed(|world| {
            let key = StoreKey { namespace: Some("n".into()), name: "own".into() };
            world.stores = [(key, None)].into();
            world.entry.attempts = attempts;
            world.entry.synced = None;
        })
    };
    assert_eq!([0, 1, 2].map(missing), ["wait for store", "wait for store", "refresh"]);
}

#[test]
fn finalizer_is_removed_unless_the_object_may_be_another_controllers() {
    let own = || store("n", "own", aws());
    assert_eq!(World::deleting(|_| {}), "remove finalizer");
    assert_eq!(World::deleting(|world| world.namespace_is_terminating = true), "remove finalizer");
    let without = World::deleting(|world| {
        Arc::make_mut(&mut world.entry.object).metadata.finalizers = Some(vec!["other".into()]);
    });
    assert_eq!(without, "ignore: Deleting");
    for other in [foreign(own()), vault(own())] {
        assert_eq!(World::deleting(|world| world.store(other)), "ignore: Deleting");
    }
    let invisible = World::deleting(|world| {
        world.store(cluster_store("own", aws()));
        world.watches_cluster_stores = false;
    });
    assert_eq!(invisible, "ignore: Deleting");
}

#[test]
fn terminating_namespace_is_ignored() {
    let planned = World::changed(|world| {
        world.namespace_is_terminating = true;
        world.secret = None;
    });
    assert_eq!(planned, "ignore: NamespaceTerminating");
}

#[test]
fn spec_decides_about_a_due_object() {
    for (target, expected) in [
        (json!({}), "refresh"),
        (json!({ "creationPolicy": "None" }), "skip creation"),
        (json!({ "creationPolicy": "None", "deletionPolicy": "Delete" }), "skip creation"),
        (json!({ "creationPolicy": "Orphan", "deletionPolicy": "Delete" }), "refresh"),
        (
            json!({ "creationPolicy": "Merge", "deletionPolicy": "Delete" }),
            "reject: could not delete secret: Malformed",
        ),
        (
            json!({ "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } }),
            "reject: invalid generic target: TypeDenied",
        ),
    ] {
        assert_eq!(World::with_spec(json!({ "target": target })).plan(), expected, "{target}");
    }
}

/// Nothing is written, so that nothing can be repaired.
#[test]
fn creation_policy_none_needs_no_secret() {
    let mut world = World::in_sync().without_secret();
    Arc::make_mut(&mut world.entry.object).spec.target.creation_policy = CreationPolicy::None;
    assert_eq!(world.plan(), IN_SYNC);
}
