mod world;

use serde_json::json;

use super::*;
use crate::{
    key::ObjectKey,
    restart::{
        baseline::{current_use, key_id},
        references::{SecretUse, UsedItems},
    },
    runtime::{mac::MacKey, secret::SecretObject},
    target::SecretIndex,
};
use world::{World, mac};

#[test]
fn adopted_workload_is_not_restarted() {
    let mut world = World::new(&[("db", "1")]);
    assert!(matches!(world.reconcile(), Action::Record(_)));
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn change_restarts_once_after_the_quiet_period() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    assert_eq!(world.waits_until(), 2);
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    for _ in 0..10 {
        assert_eq!(world.after(3600), Action::Nothing);
    }
}

#[test]
fn controller_restart_changes_nothing() {
    let mut world = World::with(&[("db", "1")]);
    world.controller_restarts();
    assert_eq!(world.reconcile(), Action::Nothing);
}

#[test]
fn change_during_controller_downtime_is_found() {
    let mut world = World::with(&[("db", "1")]);
    world.controller_restarts();
    world.set("db", "2");
    assert_eq!(world.waits_until(), 2);
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn two_secrets_changed_together_restart_once() {
    let mut world = World::with(&[("a", "1"), ("b", "1"), ("c", "1")]);
    world.set("a", "2");
    assert_eq!(world.waits_until(), 2);
    world.now += Duration::from_secs(1);
    world.set("b", "2");
    assert_eq!(world.waits_until(), 3);
    world.now += Duration::from_secs(2);
    world.restarts_for(&["a", "b"]);
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn continuous_changes_wait_no_longer_than_the_maximum() {
    let mut world = World::with(&[("db", "0")]);
    for second in 0..15 {
        world.set("db", &format!("{}", second + 1));
        assert!(matches!(world.reconcile(), Action::Wait(_)), "{second}");
        world.now += Duration::from_secs(1);
    }
    world.restarts_for(&["db"]);
}

#[test]
fn change_that_is_reverted_in_time_restarts_nothing() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.waits_until();
    world.set("db", "1");
    assert_eq!(world.after(1), Action::Nothing);
    assert_eq!(world.progress.pending, None);
}

#[test]
fn flapping_secret_restarts_at_most_once_per_interval() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    world.set("db", "3");
    assert_eq!(world.waits_until(), 62);
    assert!(matches!(world.after(59), Action::Wait(_)));
    world.now += Duration::from_secs(1);
    world.restarts_for(&["db"]);
}

#[test]
fn lost_mac_key_makes_a_new_baseline_and_no_restart() {
    let mut world = World::with(&[("db", "1")]);
    world.controller_restarts();
    world.key = "another";
    world.set("db", "a MAC under another key");
    assert!(matches!(world.reconcile(), Action::Record(_)));
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn deleted_secret_recreated_with_equal_data_restarts_nothing() {
    let mut world = World::with(&[("db", "1")]);
    world.gone("db");
    assert_eq!(world.after(100), Action::Nothing);
    world.controller_restarts();
    assert_eq!(world.reconcile(), Action::Nothing);
    world.set("db", "1");
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn deleted_secret_recreated_with_other_data_restarts() {
    let mut world = World::with(&[("db", "1")]);
    world.gone("db");
    world.reconcile();
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn creation_of_a_required_secret_restarts_nothing() {
    let mut world = World::new(&[]);
    world.set_as("db", None, true);
    assert!(matches!(world.reconcile(), Action::Record(_)));
    world.set("db", "1");
    assert!(matches!(world.after(1), Action::Record(_)));
    assert_eq!(world.after(100), Action::Nothing);
    world.set("db", "2");
    assert!(matches!(world.after(0), Action::Wait(_)));
}

#[test]
fn creation_of_an_optional_secret_restarts() {
    let mut world = World::new(&[]);
    world.set_as("db", None, false);
    assert!(matches!(world.reconcile(), Action::Record(_)));
    world.set_as("db", Some("1"), false);
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn template_using_other_items_of_a_secret_restarts_nothing() {
    let mut world = World::with(&[("db", "1")]);
    let entry = Entry { items: 2, mac: Some(mac("db", "other items")) };
    let other = CurrentUse { entry, required: true };
    world.uses.insert("db".into(), other);
    assert!(matches!(world.after(100), Action::Record(_)));
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn newly_used_secret_restarts_nothing() {
    let mut world = World::with(&[("a", "1")]);
    world.set("b", "1");
    assert!(matches!(world.after(100), Action::Record(_)));
    world.uses.remove("a");
    assert!(matches!(world.after(100), Action::Record(_)));
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn paused_workload_is_restarted_after_its_pause() {
    let mut world = World::with(&[("db", "1")]);
    world.workload.paused = true;
    world.set("db", "2");
    world.waits_until();
    assert_eq!(world.after(2), Action::Postpone(vec!["db".into()]));
    assert_eq!(world.after(3600), Action::Postpone(vec!["db".into()]));
    world.controller_restarts();
    world.waits_until();
    world.workload.paused = false;
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn workload_without_replicas_records_baseline_and_is_not_restarted() {
    let mut world = World::with(&[("db", "1")]);
    world.workload.no_replicas = true;
    world.set("db", "2");
    assert!(matches!(world.after(1), Action::Record(_)));
    world.workload.no_replicas = false;
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn workload_restarted_by_other_software_is_not_written() {
    for other in [OtherRestarter::Reloader, OtherRestarter::Flagger] {
        let mut world = World::new(&[("db", "1")]);
        world.other_restarter = Some(other);
        assert_eq!(world.reconcile(), Action::Nothing);
        world.set("db", "2");
        assert_eq!(world.after(100), Action::Leave(other, vec!["db".into()]));
        assert_eq!(world.after(100), Action::Nothing, "once for each change");
    }
}

#[test]
fn deleting_workload_or_one_without_secrets_is_not_written() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.workload.deleting = true;
    assert_eq!(world.after(100), Action::Nothing);
    assert_eq!(World::new(&[]).reconcile(), Action::Nothing);
}

/// An undone rollout restores a Deployment's annotations with its template.
#[test]
fn undone_rollout_restarts_nothing_and_baseline_is_rewritten() {
    let mut world = World::with(&[("db", "1")]);
    let first = world.workload.baseline.clone();
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    world.workload.baseline = first;
    assert!(matches!(world.after(100), Action::Record(_)));
    assert_eq!(world.after(100), Action::Nothing);
}

#[test]
fn change_to_the_value_of_a_restored_annotation_restarts() {
    let mut world = World::with(&[("db", "1")]);
    let first = world.workload.baseline.clone();
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    world.workload.baseline = first;
    world.now += Duration::from_secs(100);
    assert!(matches!(world.plan_only(), (Action::Record(_), _)), "and it is not written");
    world.set("db", "1");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn restart_with_a_lost_answer_is_not_repeated() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    let (action, baseline) = world.plan_only();
    assert!(matches!(action, Action::Restart { .. }));
    world.workload.baseline = Some(baseline.unwrap().text(world.key));
    assert_eq!(world.after(1), Action::Nothing);
}

#[test]
fn annotation_that_is_removed_repeatedly_is_rewritten_with_backoff() {
    let mut world = World::with(&[("db", "1")]);
    let mut written = 0;
    for _ in 0..1000 {
        world.workload.baseline = None;
        written += u32::from(matches!(world.after(1), Action::Record(_)));
    }
    assert!((6..16).contains(&written), "{written}");
    assert!(matches!(world.reconcile(), Action::Nothing | Action::Wait(_)));
}

/// With real Secrets.
#[test]
fn unused_item_restarts_nothing() {
    let mac_key = Arc::new(MacKey::from_bytes(&[1; 32]).unwrap());
    let key = ObjectKey { namespace: "n".into(), name: "db".into() };
    let seen = |a: &str, b: &str| {
        let secret: SecretObject = serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "db" }, "data": { "A": a, "B": b } }))
        .unwrap();
        let items = SecretIndex::new(mac_key.clone()).with_items().upsert(&secret).items;
        let used = SecretUse {
            items: UsedItems::Named(["A".into()].into()),
            required: true,
            required_items: ["A".into()].into(),
        };
        current_use(&mac_key, &key, &used, items.as_deref())
    };
    let mut world = World::new(&[]);
    world.uses.insert("db".into(), seen("MQ==", "MQ=="));
    world.reconcile();
    world.uses.insert("db".into(), seen("MQ==", "Mg=="));
    assert_eq!(world.reconcile(), Action::Nothing);
    world.uses.insert("db".into(), seen("Mg==", "Mg=="));
    assert!(matches!(world.reconcile(), Action::Wait(_)));
    assert_eq!(key_id(&mac_key).len(), 16);
}
