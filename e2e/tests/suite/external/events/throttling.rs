//! AWS throttles each API that the controller uses.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::Tag;
use e2e::aws::Fault;
use serde_json::{Value, json};

use super::super::support::{external, rig, secret, store, wait_ready, wait_value};
use super::world::{World, in_sync};
use crate::support::{Api, Kind, eventually};

/// So often each operation is throttled. The third attempt succeeds.
const TIMES: usize = 2;

async fn create(
    api: &Api,
    ns: &str,
    name: &str,
    in_store: &str,
    data: &[(&str, &str)],
    find: Option<Value>,
) {
    let mut object = external(ns, name, data);
    object["spec"]["secretStoreRef"]["name"] = json!(in_store);
    if let Some(find) = find {
        object["spec"]["dataFrom"] = json!([{ "find": find }]);
    }
    api.create(Kind::ExternalSecret, object).await;
}

#[tokio::test]
async fn throttling_of_each_api_is_waited_out_and_reported_by_nobody() {
    let (api, ns) = (rig().api().await, "events-throttled");
    let world = World::start(ns);
    let name = in_sync(&api, &world, ns).await;
    for other in ["b", "c"] {
        secret(&world.aws, &format!("{ns}/{other}"), "1", &[("team", ns)]).await;
        let parameter = world.aws.parameters().put_parameter().name(format!("/{ns}/{other}"));
        let tag = Tag::builder().key("team").value(ns).build().unwrap();
        parameter.value("1").r#type("String".into()).tags(tag).send().await.unwrap();
    }
    let operations = [
        "AssumeRole",
        "GetSecretValue",
        "BatchGetSecretValue",
        "ListSecrets",
        "GetParameter",
        "GetParameters",
        "GetParametersByPath",
        "DescribeParameters",
        "ReceiveMessage",
    ];
    let before = world.aws.counts();
    operations.iter().for_each(|of| world.aws.faults().add(Fault::Throttled(of, TIMES)));
    // The message comes again after a minute.
    world.aws.faults().add(Fault::Throttled("DeleteMessageBatch", 1));
    let mut role = store(ns, "role", "SecretsManager");
    role["spec"]["controller"] = json!(ns);
    role["spec"]["provider"]["aws"]["role"] = json!("arn:aws:iam::123456789012:role/reader");
    api.create(Kind::SecretStore, role).await;
    let (b, c) = (format!("{ns}/b"), format!("{ns}/c"));
    let (pb, pc) = (format!("/{ns}/b"), format!("/{ns}/c"));
    // One at a time, so that they are not in a batch.
    for (object, in_store, from) in [("one", "role", &b), ("parameter", "ps", &pb)] {
        create(&api, ns, object, in_store, &[("A", from)], None).await;
        wait_ready(&api, ns, object, "True").await;
    }
    create(&api, ns, "batch", "role", &[("A", &b), ("B", &c)], None).await;
    create(&api, ns, "parameters", "ps", &[("A", &pb), ("B", &pc)], None).await;
    let by_tags = json!({ "tags": { "team": ns } });
    create(&api, ns, "tags", "role", &[], Some(by_tags.clone())).await;
    create(&api, ns, "tags-ps", "ps", &[], Some(by_tags)).await;
    let below = json!({ "path": format!("/{ns}"), "name": { "regexp": "." } });
    create(&api, ns, "path", "ps", &[], Some(below)).await;
    world.change(&name, "2").await;
    for object in ["one", "batch", "tags", "parameter", "parameters", "tags-ps", "path"] {
        wait_ready(&api, ns, object, "True").await;
        let events = api.events(ns, object).await;
        assert!(events.iter().all(|[type_, ..]| type_ == "Normal"), "{object}: {events:?}");
    }
    wait_value(&api, ns, "s", "A", "2").await;
    // The queue is polled again and again. A poll that began before the faults does not count.
    let count =
        |counts: &BTreeMap<String, usize>, of: &str| counts.get(of).copied().unwrap_or_default();
    eventually("each operation is sent until it succeeds", async || {
        let now = world.aws.counts();
        let succeeded = |of: &&str| count(&now, of) > count(&before, of) + TIMES;
        operations.iter().all(succeeded).then_some(())
    })
    .await;
}
