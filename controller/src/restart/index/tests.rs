use serde_json::{Value, json};

use super::*;
use crate::restart::{
    annotations::{RESTART_ON, RESTART_TARGETS},
    workload::OtherRestarter,
};

fn named(kind: WorkloadKind, name: &str) -> WorkloadKey {
    WorkloadKey { kind, object: object(name) }
}

fn object(name: &str) -> ObjectKey {
    ObjectKey { namespace: "n".into(), name: name.into() }
}

fn workload(name: &str, version: u32, on: Option<&str>, spec: Value) -> WorkloadObject {
    let annotations: serde_json::Map<_, _> =
        on.map(|on| (RESTART_ON.to_owned(), json!(on))).into_iter().collect();
    serde_json::from_value(json!({
        "metadata": { "namespace": "n", "name": name, "uid": "u", "annotations": annotations,
                      "resourceVersion": version.to_string() },
        "spec": spec,
    }))
    .unwrap()
}

fn using(secret: &str) -> Value {
    let container = json!({ "envFrom": [{ "secretRef": { "name": secret } }] });
    json!({ "template": { "spec": { "containers": [container] } } })
}

fn source(targets: &str) -> Source {
    let metadata =
        json!({ "namespace": "n", "uid": "su", "annotations": { RESTART_TARGETS: targets } });
    Source::of(&serde_json::from_value(metadata).unwrap()).unwrap()
}

fn secrets(index: &Index, key: &WorkloadKey) -> Vec<String> {
    match index.view(key) {
        Some(View::Tracked(entry)) => entry.secrets.into_keys().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn workload_without_opt_in_is_not_tracked() {
    let index = Index::default();
    assert_eq!(
        index.upsert(WorkloadKind::Deployment, &workload("a", 1, None, using("db")), true),
        []
    );
    assert_eq!(index.len(), 0);
    let key = named(WorkloadKind::Deployment, "a");
    let asks = workload("a", 2, Some("*"), using("db"));
    assert_eq!(index.upsert(WorkloadKind::Deployment, &asks, true), std::slice::from_ref(&key));
    assert_eq!(index.users_of(&object("db")), [key]);
    index.upsert(WorkloadKind::Deployment, &workload("a", 3, None, using("db")), true);
    assert_eq!(index.len(), 0);
    assert_eq!(index.users_of(&object("db")), []);
}

#[test]
fn star_follows_the_template() {
    let index = Index::default();
    let key = named(WorkloadKind::Deployment, "a");
    index.upsert(WorkloadKind::Deployment, &workload("a", 1, Some("*,extra"), using("db")), true);
    assert_eq!(secrets(&index, &key), ["db", "extra"]);
    index.upsert(
        WorkloadKind::Deployment,
        &workload("a", 2, Some("*,extra"), using("other")),
        true,
    );
    assert_eq!(secrets(&index, &key), ["extra", "other"]);
    assert_eq!(index.users_of(&object("db")), []);
    assert_eq!(index.users_of(&object("other")), [key]);
}

#[test]
fn status_update_or_stale_event_triggers_nothing() {
    let index = Index::default();
    let note = |version, secret| {
        index.upsert(
            WorkloadKind::Deployment,
            &workload("a", version, Some("*"), using(secret)),
            true,
        )
    };
    assert_eq!(note(5, "db").len(), 1);
    assert_eq!(note(6, "db"), []);
    assert_eq!(note(4, "other"), []);
    assert_eq!(secrets(&index, &named(WorkloadKind::Deployment, "a")), ["db"]);
}

#[test]
fn source_tracks_workloads_without_opt_in() {
    let index = Index::default();
    let key = named(WorkloadKind::Deployment, "a");
    let touched = index.set_source(&object("db"), Some(source("Deployment/a")));
    assert_eq!(touched.unwrap(), std::slice::from_ref(&key));
    assert!(index.set_source(&object("db"), Some(source("Deployment/a"))).is_none());
    assert!(matches!(index.view(&key), Some(View::Unread(unknown)) if unknown == key));
    index.upsert(WorkloadKind::Deployment, &workload("a", 1, None, using("other")), false);
    assert_eq!(secrets(&index, &key), ["db"]);
    assert_eq!(index.users_of(&object("db")), std::slice::from_ref(&key));

    assert_eq!(index.set_source(&object("db"), None).unwrap(), std::slice::from_ref(&key));
    assert_eq!(index.len(), 0);
    assert!(index.view(&key).is_none());
}

#[test]
fn rollout_uses_the_secrets_of_its_deployments_template() {
    let index = Index::default();
    let rollout = named(WorkloadKind::Rollout, "r");
    let reference = json!({ "workloadRef": { "kind": "Deployment", "name": "a" } });
    index.upsert(WorkloadKind::Rollout, &workload("r", 1, Some("*"), reference), true);
    let deployment = named(WorkloadKind::Deployment, "a");
    assert!(matches!(index.view(&rollout), Some(View::Unread(unknown)) if unknown == deployment));
    let touched =
        index.upsert(WorkloadKind::Deployment, &workload("a", 2, None, using("db")), true);
    assert!(touched.contains(&rollout));
    assert_eq!(secrets(&index, &rollout), ["db"]);
    assert_eq!(index.users_of(&object("db")), std::slice::from_ref(&rollout));
    assert!(index.view(&deployment).is_none(), "it is not restarted itself");
    assert_eq!(index.remove(WorkloadKind::Rollout, &rollout.object), []);
    index.upsert(WorkloadKind::Deployment, &workload("a", 3, None, using("x")), true);
    assert_eq!(index.len(), 0);
}

#[test]
fn workload_of_a_canary_is_left_to_flagger_until_the_canary_is_deleted() {
    let index = Index::default();
    let key = named(WorkloadKind::Deployment, "a");
    index.upsert(WorkloadKind::Deployment, &workload("a", 1, Some("*"), using("db")), true);
    let target = json!({ "targetRef": { "kind": "Deployment", "name": "a" } });
    let touched = index.upsert(WorkloadKind::Canary, &workload("c", 2, None, target), true);
    assert_eq!(touched, std::slice::from_ref(&key));
    let other_restarter = || match index.view(&key) {
        Some(View::Tracked(entry)) => entry.other_restarter,
        other => panic!("{other:?}"),
    };
    assert_eq!(other_restarter(), Some(OtherRestarter::Flagger));
    assert_eq!(index.retain(WorkloadKind::Canary, |_| false), std::slice::from_ref(&key));
    assert_eq!(other_restarter(), None);
}

#[test]
fn recreated_workload_starts_without_progress() {
    let index = Index::default();
    let key = named(WorkloadKind::Deployment, "a");
    index.upsert(WorkloadKind::Deployment, &workload("a", 1, Some("*"), using("db")), true);
    index.update(&key, "u", |progress| progress.attempts = 3);
    index.update(&key, "other", |progress| progress.attempts = 9);
    let mut other = workload("a", 2, Some("*"), using("db"));
    let attempts = || match index.view(&key) {
        Some(View::Tracked(entry)) => entry.progress.attempts,
        other => panic!("{other:?}"),
    };
    assert_eq!(attempts(), 3);
    other.metadata.uid = Some("u2".into());
    index.upsert(WorkloadKind::Deployment, &other, true);
    assert_eq!(attempts(), 0);
}

#[test]
fn list_removes_missing_workloads_of_its_kind() {
    let index = Index::default();
    for kind in [WorkloadKind::Deployment, WorkloadKind::StatefulSet] {
        index.upsert(kind, &workload("a", 1, Some("*"), using("db")), false);
    }
    index.retain(WorkloadKind::Deployment, |_| false);
    assert_eq!(index.keys(), [named(WorkloadKind::StatefulSet, "a")]);
    index.set_source(&object("x"), Some(source("StatefulSet/a")));
    index.set_source(&object("x"), None);
    assert_eq!(secrets(&index, &named(WorkloadKind::StatefulSet, "a")), ["db"]);
}

#[test]
fn namespace_has_a_limit_of_targets() {
    let index = Index::default();
    let names = |from: usize| {
        let names: Vec<_> = (from..from + 100).map(|n| format!("Deployment/a{n}")).collect();
        source(&names.join(","))
    };
    for (from, excess) in [(0, 0), (100, 0), (200, 0), (300, 0), (400, 0), (450, 50)] {
        let key = object(&format!("s{from}"));
        index.set_source(&key, Some(names(from)));
        assert_eq!(index.excess_targets(&key), excess, "{from}");
    }
    assert_eq!(index.keys().len(), MAX_TARGETS_PER_NAMESPACE);
    let touched = index.set_source(&object("s0"), None).unwrap();
    assert_eq!(index.excess_targets(&object("s450")), 0, "a deleted SealedSecret frees its places");
    assert_eq!(touched.len(), 150, "its workloads, and those that were beyond the limit");
}
