use serde_json::{Value, json};

use super::*;
use crate::restart::RESTART_ON;

fn named(kind: Kind, name: &str) -> WorkloadKey {
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

fn source(secret: &str, targets: &str) -> Source {
    Source { uid: "su".into(), secret: secret.into(), targets: Targets::of(Some(targets)) }
}

fn sealed(name: &str) -> SourceKey {
    SourceKey::sealed(object(name))
}

fn secrets(index: &Index, key: &WorkloadKey) -> Vec<String> {
    match index.view(key) {
        View::WorkloadEntry(known) => known.secrets.into_keys().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_workload_that_does_not_ask_nothing_is_kept() {
    let index = Index::default();
    assert_eq!(index.note(Kind::Deployment, &workload("a", 1, None, using("db")), true), []);
    assert!(index.is_empty());
    let key = named(Kind::Deployment, "a");
    let asks = workload("a", 2, Some("*"), using("db"));
    assert_eq!(index.note(Kind::Deployment, &asks, true), std::slice::from_ref(&key));
    assert_eq!(index.users_of(&object("db")), [key]);
    index.note(Kind::Deployment, &workload("a", 3, None, using("db")), true);
    assert!(index.is_empty());
    assert_eq!(index.users_of(&object("db")), []);
}

#[test]
fn the_star_follows_the_template() {
    let index = Index::default();
    let key = named(Kind::Deployment, "a");
    index.note(Kind::Deployment, &workload("a", 1, Some("*,extra"), using("db")), true);
    assert_eq!(secrets(&index, &key), ["db", "extra"]);
    index.note(Kind::Deployment, &workload("a", 2, Some("*,extra"), using("other")), true);
    assert_eq!(secrets(&index, &key), ["extra", "other"]);
    assert_eq!(index.users_of(&object("db")), []);
    assert_eq!(index.users_of(&object("other")), [key]);
}

#[test]
fn a_status_update_or_an_older_event_is_nothing_to_look_at() {
    let index = Index::default();
    let note = |version, secret| {
        index.note(Kind::Deployment, &workload("a", version, Some("*"), using(secret)), true)
    };
    assert_eq!(note(5, "db").len(), 1);
    assert_eq!(note(6, "db"), []);
    assert_eq!(note(4, "other"), []);
    assert_eq!(secrets(&index, &named(Kind::Deployment, "a")), ["db"]);
}

#[test]
fn a_source_asks_for_workloads_that_do_not_ask_themselves() {
    let index = Index::default();
    let key = named(Kind::Deployment, "a");
    let touched = index.set_source(&sealed("db"), Some(source("db", "Deployment/a")));
    assert_eq!(touched.unwrap(), std::slice::from_ref(&key));
    assert!(index.set_source(&sealed("db"), Some(source("db", "Deployment/a"))).is_none());
    assert!(matches!(index.view(&key), View::Unknown(unknown) if unknown == key));
    index.note(Kind::Deployment, &workload("a", 1, None, using("other")), false);
    assert_eq!(secrets(&index, &key), ["db"]);
    assert_eq!(index.users_of(&object("db")), std::slice::from_ref(&key));

    assert_eq!(index.set_source(&sealed("db"), None).unwrap(), std::slice::from_ref(&key));
    assert!(index.is_empty());
    assert!(matches!(index.view(&key), View::Unwanted));
}

#[test]
fn a_rollout_uses_what_the_deployment_with_its_template_uses() {
    let index = Index::default();
    let rollout = named(Kind::Rollout, "r");
    let reference = json!({ "workloadRef": { "kind": "Deployment", "name": "a" } });
    index.note(Kind::Rollout, &workload("r", 1, Some("*"), reference), true);
    let deployment = named(Kind::Deployment, "a");
    assert!(matches!(index.view(&rollout), View::Unknown(unknown) if unknown == deployment));
    let touched = index.note(Kind::Deployment, &workload("a", 2, None, using("db")), true);
    assert!(touched.contains(&rollout));
    assert_eq!(secrets(&index, &rollout), ["db"]);
    assert_eq!(index.users_of(&object("db")), std::slice::from_ref(&rollout));
    assert!(matches!(index.view(&deployment), View::Unwanted), "it is not restarted itself");
    assert_eq!(index.forget(Kind::Rollout, &rollout.object), []);
    index.note(Kind::Deployment, &workload("a", 3, None, using("x")), true);
    assert!(index.is_empty());
}

#[test]
fn what_a_canary_looks_after_is_flaggers_until_the_canary_goes() {
    let index = Index::default();
    let key = named(Kind::Deployment, "a");
    index.note(Kind::Deployment, &workload("a", 1, Some("*"), using("db")), true);
    let target = json!({ "targetRef": { "kind": "Deployment", "name": "a" } });
    let touched = index.note(Kind::Canary, &workload("c", 2, None, target), true);
    assert_eq!(touched, std::slice::from_ref(&key));
    let left_to = || match index.view(&key) {
        View::WorkloadEntry(known) => known.left_to,
        other => panic!("{other:?}"),
    };
    assert_eq!(left_to(), Some(LeftTo::Flagger));
    assert_eq!(index.retain(Kind::Canary, |_| false), std::slice::from_ref(&key));
    assert_eq!(left_to(), None);
}

#[test]
fn another_workload_of_the_name_is_remembered_nothing_of() {
    let index = Index::default();
    let key = named(Kind::Deployment, "a");
    index.note(Kind::Deployment, &workload("a", 1, Some("*"), using("db")), true);
    index.update(&key, "u", |known| known.attempts = 3);
    index.update(&key, "other", |known| known.attempts = 9);
    let mut other = workload("a", 2, Some("*"), using("db"));
    let attempts = || match index.view(&key) {
        View::WorkloadEntry(known) => known.attempts,
        other => panic!("{other:?}"),
    };
    assert_eq!(attempts(), 3);
    other.metadata.uid = Some("u2".into());
    index.note(Kind::Deployment, &other, true);
    assert_eq!(attempts(), 0);
}

#[test]
fn a_list_forgets_what_it_no_longer_has_of_its_kind() {
    let index = Index::default();
    for kind in [Kind::Deployment, Kind::StatefulSet] {
        index.note(kind, &workload("a", 1, Some("*"), using("db")), false);
    }
    index.retain(Kind::Deployment, |_| false);
    assert_eq!(index.keys(), [named(Kind::StatefulSet, "a")]);
    index.set_source(&sealed("x"), Some(source("x", "StatefulSet/a")));
    index.retain_sources(SourceKind::SealedSecret, |_| false);
    assert_eq!(secrets(&index, &named(Kind::StatefulSet, "a")), ["db"]);
}
