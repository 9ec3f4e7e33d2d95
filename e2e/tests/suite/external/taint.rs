//! Values and texts of AWS appear only in the data of the Secret, or in metadata if the user's own
//! template puts them there.

use std::fs;

use e2e::aws::Fault;
use serde_json::{Value, json};

use super::support::{
    Faulty, KEYS, change, external, faulty, faulty_store, force, rig, secret, store, wait_ready,
    wait_value,
};
use crate::support::{Api, Kind};
use crate::taint::{canary, needles};

const NS: &str = "external-taint";
const CLUSTER_STORE: &str = "external-taint";
/// The text of errors of the local AWS.
const PROVIDER: &str = "canary-provider-text";

/// Objects that read the canary, by name: whether they become ready, and their spec.
fn scenario(tls: &str) -> Vec<(&'static str, bool, Value)> {
    let plain = |more: Value| {
        let mut entry = json!({ "secretKey": "A", "remoteRef": { "key": "taint/plain" } });
        let reference = entry["remoteRef"].as_object_mut().unwrap();
        reference.extend(more.as_object().unwrap().clone());
        json!({ "data": [entry] })
    };
    let templated = |text: &str| {
        let mut spec = plain(json!({}));
        spec["target"] = json!({ "template": { "data": { "t": text } } });
        spec
    };
    let typed = |type_: &str, key: &str| {
        let mut spec = plain(json!({}));
        spec["data"][0]["secretKey"] = json!(key);
        spec["target"] = json!({ "template": { "type": type_ } });
        spec
    };
    let from = |entry: Value| json!({ "dataFrom": [entry] });
    let find = json!({ "find": { "name": { "regexp": "^taint/" } } });
    let merge =
        json!({ "find": { "name": { "regexp": "^taint/plain" } }, "rewrite": [{ "merge": {} }] });
    vec![
        ("fine", true, plain(json!({}))),
        ("found", true, from(find)),
        ("missing", false, plain(json!({ "property": "nope" }))),
        ("multipath", true, plain(json!({ "property": "{a,b}" }))),
        ("complex", false, plain(json!({ "property": "[".repeat(1000) }))),
        ("decoded", false, plain(json!({ "decodingStrategy": "Base64" }))),
        ("nulls", true, plain(json!({ "nullBytePolicy": "Fail" }))),
        ("extracted", false, from(json!({ "extract": { "key": "taint/plain" } }))),
        // The keys of this one are values.
        (
            "keys",
            false,
            from(json!({ "extract": { "key": "taint/keys" }, "rewrite": [
            { "regexp": { "source": "^nothing$", "target": "x" } }] })),
        ),
        ("merged", false, from(merge)),
        ("fail", false, templated("{{ fail .A }}")),
        ("index", false, templated("{{ index .A 999 }}")),
        (
            "yaml",
            false,
            json!({ "data": plain(json!({}))["data"], "target": { "template": {
            "templateFrom": [{ "literal": "{{ .A }}" }] } } }),
        ),
        // A template makes this key from a value, and an error of the API server would quote it.
        (
            "made-key",
            false,
            json!({ "data": plain(json!({}))["data"], "target": { "template": {
                "templateFrom": [{ "literal": "{{ .A }} x: v" }] } } }),
        ),
        (
            "label",
            false,
            json!({ "data": plain(json!({}))["data"], "target": { "template": {
            "metadata": { "labels": { "l": "{{ .A }} {{ .A }}" } } } } }),
        ),
        ("tls", false, typed("kubernetes.io/tls", "tls.crt")),
        ("docker", false, typed("kubernetes.io/dockerconfigjson", ".dockerconfigjson")),
        (
            "large",
            false,
            json!({ "data": [{ "secretKey": "A", "remoteRef": { "key": "taint/large" } },
            { "secretKey": "B", "remoteRef": { "key": "taint/large" } }], "target": { "template": { "data": {
            "t": tls } } } }),
        ),
    ]
}

/// Objects of Parameter Store, and of a store whose role STS denies.
fn elsewhere() -> Vec<(&'static str, bool, Value)> {
    let parameter = |more: Value| {
        let mut reference = json!({ "key": "/taint/parameter" });
        reference.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "secretStoreRef": { "name": "ps", "kind": "SecretStore" },
                "data": [{ "secretKey": "A", "remoteRef": reference }] })
    };
    let cluster = json!({ "name": CLUSTER_STORE, "kind": "ClusterSecretStore" });
    let one = json!([{ "secretKey": "A", "remoteRef": { "key": "taint/plain" } }]);
    vec![
        ("parameter", true, parameter(json!({}))),
        ("parameter-missing", false, parameter(json!({ "property": "nope" }))),
        ("parameter-decoded", false, parameter(json!({ "decodingStrategy": "Base64" }))),
        ("sts", false, json!({ "secretStoreRef": cluster, "data": one })),
    ]
}

/// Their stores. The AWS credentials of the first one contain the canary too.
async fn stores_of_more(api: &Api, faulty: &Faulty, canary: &str) {
    let keys = json!({ "stringData": { "secret": canary } });
    api.patch(Kind::Secret, NS, KEYS, keys).await;
    let mut parameters = store(NS, "ps", "ParameterStore");
    parameters["spec"]["controller"] = json!(faulty.class);
    api.create(Kind::SecretStore, parameters).await;
    let put = faulty.aws.parameters().put_parameter().name("/taint/parameter").value(canary);
    put.r#type("SecureString".into()).send().await.unwrap();
    faulty.aws.faults().add(Fault::Denied("AssumeRole"));
    let mut cluster = store("", CLUSTER_STORE, "SecretsManager");
    cluster["metadata"].as_object_mut().unwrap().remove("namespace");
    cluster["spec"]["controller"] = json!(faulty.class);
    cluster["spec"]["provider"]["aws"]["role"] = json!("arn:aws:iam::123456789012:role/r");
    api.create(Kind::ClusterSecretStore, cluster).await;
}

#[tokio::test]
async fn value_of_aws_appears_only_in_secret_data() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    let canary = canary();
    faulty_store(&api, faulty, NS, json!({})).await;
    let large = format!("{canary}{}", "x".repeat(60_000));
    // Messages may contain this key, but not its value.
    let keys = json!({ "with space": canary }).to_string();
    for (name, value) in [("plain", canary.as_str()), ("large", &large), ("keys", &keys)] {
        secret(&faulty.aws, &format!("taint/{name}"), value, &[]).await;
    }
    let many = "{{ .A }}{{ .B }}".repeat(12);
    stores_of_more(&api, faulty, &canary).await;
    for (name, is_fine, spec) in scenario(&many).into_iter().chain(elsewhere()) {
        let mut object = external(NS, name, &[]);
        object["spec"]["data"] = json!([]);
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        api.create(Kind::ExternalSecret, object).await;
        wait_ready(&api, NS, name, if is_fine { "True" } else { "False" }).await;
    }
    denied(&api, faulty, &canary).await;
    faulty.catch_up(&api).await;

    let found = needles(&canary);
    let holds = |text: &str| found.iter().any(|needle| text.contains(needle));
    let secret = api.secret(NS, "fine").await.unwrap();
    assert!(holds(&secret["data"].to_string()), "the search finds it there");

    let mut said = vec![
        ("the log", faulty.controller.log().unwrap()),
        ("the log of the other", rig().controller.log().unwrap()),
        ("the metrics", faulty.controller.metrics_text().unwrap()),
    ];
    let audit = rig().cluster.plane().directory().join("audit.log");
    said.push(("the audit log", fs::read_to_string(audit).unwrap()));
    for (what, kind) in [
        ("an Event", Kind::Event),
        ("an ExternalSecret", Kind::ExternalSecret),
        ("a store", Kind::SecretStore),
    ] {
        said.extend(
            api.list(kind, Some(NS)).await.into_iter().map(|object| (what, object.to_string())),
        );
    }
    let store = api.get(Kind::ClusterSecretStore, "", CLUSTER_STORE).await.unwrap();
    said.push(("a store of the cluster", store.to_string()));
    for secret in api.list(Kind::Secret, Some(NS)).await {
        said.push(("the metadata of a Secret", secret["metadata"].to_string()));
    }
    assert!(said.len() > 30, "{}", said.len());
    for (what, text) in said {
        // The message omits the text: a failed test must not leak it either.
        assert!(!holds(&text), "{what} holds a value");
        assert!(!text.contains(PROVIDER), "{what} holds text of AWS");
    }
}

/// Errors of AWS, and a changed value after them.
async fn denied(api: &Api, faulty: &Faulty, canary: &str) {
    let aws = &faulty.aws;
    // Objects that are due together are read in batches, a single one is not.
    let both =
        |fault: fn(&'static str) -> Fault| ["GetSecretValue", "BatchGetSecretValue"].map(fault);
    for broken in [
        [Fault::DeniedItem("taint/plain".into()), Fault::DeniedItem("taint/plain".into())],
        both(|operation| Fault::Failing(operation, usize::MAX)),
        both(|operation| Fault::Throttled(operation, usize::MAX)),
        both(Fault::Broken),
    ] {
        for fault in broken {
            aws.faults().add(fault);
        }
        force(api, NS, "fine").await;
        wait_ready(api, NS, "fine", "False").await;
        aws.faults().clear();
        force(api, NS, "fine").await;
        wait_ready(api, NS, "fine", "True").await;
    }
    let longer = format!("{canary}-{canary}");
    change(aws, "taint/plain", &longer).await;
    force(api, NS, "fine").await;
    wait_value(api, NS, "fine", "A", &longer).await;
}
