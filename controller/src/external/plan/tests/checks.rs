//! Objects whose interval has passed.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{World, seconds_ago, secret};
use crate::reason::Reason;

/// Only if nothing else has happened, and if a list of versions decides about the whole Secret.
#[test]
fn object_whose_interval_has_passed_is_checked_instead_of_read() {
    let value = || json!({ "secretKey": "A", "remoteRef": { "key": "a" } });
    let plan = |spec: Value, change: &dyn Fn(&mut World)| {
        let mut world = World::in_sync();
        Arc::make_mut(&mut world.entry.object).spec =
            World::with_spec(spec).entry.object.spec.clone();
        world.entry.refreshed = Some(seconds_ago(3700));
        change(&mut world);
        world.plan()
    };
    let data = || json!({ "data": [value()] });
    assert_eq!(plan(data(), &|_| {}), "check");
    assert_eq!(plan(json!({ "dataFrom": [{ "extract": { "key": "a" } }] }), &|_| {}), "check");
    let checked = |world: &mut World| world.entry.checked = Some(seconds_ago(60));
    assert_eq!(plan(data(), &checked), "wait Some(59), in sync: true, clear: false");
    let clock_was_put_back = |world: &mut World| world.entry.checked = Some(seconds_ago(-9999));
    assert_eq!(plan(data(), &clock_was_put_back), "check");
    for change in [
        (&|world: &mut World| world.entry.failed = Some(Reason::Throttled)) as &dyn Fn(&mut World),
        &|world| world.entry.refreshed = Some(seconds_ago(50_000)),
        &|world| world.conditions(vec![]),
        &|world| world.secret = Some(secret("Mg==")),
        &|world| world.entry.synced = Some("2-x".to_owned()),
    ] {
        assert_eq!(plan(data(), change), "refresh");
    }
    let tags = json!({ "key": "a", "metadataPolicy": "Fetch" });
    let from = |kind: &str| json!({ kind: { "name": "x", "items": [] } });
    for spec in [
        json!({}),
        json!({ "data": [value(), { "secretKey": "B", "remoteRef": tags }] }),
        json!({ "data": [value()], "dataFrom": [{ "find": { "name": { "regexp": "." } } }] }),
        json!({ "data": [value()], "target": { "template": { "templateFrom": [from("secret")] } } }),
        json!({ "data": [value()],
                "target": { "template": { "templateFrom": [from("configMap")] } } }),
    ] {
        assert_eq!(plan(spec.clone(), &|_| {}), "refresh", "{spec}");
    }
}
