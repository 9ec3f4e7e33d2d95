//! Our controller does the same as the External Secrets Operator in 79 recorded cases
//! (`e2e/golden/README.md`).

use std::fs;
use std::time::Duration;

use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_ssm::types::ParameterType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::aws::Aws;
use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::support::{KEYS, rig, secret, stores};
use crate::support::{Api, Kind, condition, eventually, text, without_unrecorded_fields};

/// One line of the recording.
#[derive(Clone, Deserialize)]
struct Case {
    id: String,
    ns: String,
    before: Vec<Value>,
    apply: Vec<Value>,
    after: After,
}

#[derive(Clone, Deserialize)]
struct After {
    secrets: Vec<Value>,
    status: serde_json::Map<String, Value>,
}

#[tokio::test]
async fn recorded_cases_give_the_same_secrets_and_conditions() {
    let rig = rig();
    let api = rig.api().await;
    let cases = cases();
    assert_eq!(cases.len(), 79);
    values(&rig.aws, &cases).await;
    let replays = cases.into_iter().map(|case| replay(&api, case));
    let differences: Vec<_> = join_all(replays).await.into_iter().flatten().collect();
    assert!(
        differences.is_empty(),
        "{}\n{}",
        differences.join("\n"),
        rig.controller.log().unwrap()
    );

    // x49 puts its value into an error of the template engine.
    let log = rig.controller.log().unwrap();
    assert!(!log.contains("hunter2"));
    for event in api.list(Kind::Event, None).await {
        assert!(!event.to_string().contains("hunter2"), "{event}");
    }
}

/// Creates the values that the recording had in AWS.
async fn values(aws: &Aws, cases: &[Case]) {
    let bytes: Vec<u8> = (0..=255).collect();
    // The record of x09 has the bytes.
    let whole = cases.iter().find(|case| case.id == "x09").unwrap();
    let whole = whole.after.secrets[0]["data"]["A"].as_str().unwrap();
    let whole = STANDARD.decode(whole).unwrap();
    for (name, value) in [
        ("g/plain", b"hunter2".as_slice()),
        ("g/json", &whole),
        ("g/array", b"[1,2,3]"),
        ("g/notjson", b"{\"a\":"),
        ("g/b64", b"ZGVjb2RlZA=="),
        ("g/b64json", b"{\"a\": \"b25l\", \"b\": \"%%%\"}"),
        ("g/dupes", b"{\"a-b\":\"1\",\"a_b\":\"2\",\"a.b\":\"3\"}"),
        ("g/unicode", "{\"ключ\":\"v\",\"with space\":\"w\",\"sl/ash\":\"s\"}".as_bytes()),
        ("g/multi", b"v1"),
        ("g/empty-json", b"{}"),
    ] {
        secret(aws, name, value, &[]).await;
    }
    for (name, value) in [("g/binary", bytes), ("g/bin-json", b"{\"x\":\"y\"}".to_vec())] {
        let binary = aws.secrets().create_secret().name(name).secret_binary(Blob::new(value));
        binary.send().await.unwrap();
    }
    secret(aws, "g/find/one", "1", &[("env", "prod"), ("team", "a")]).await;
    secret(aws, "g/find/two", "2", &[("env", "prod")]).await;
    secret(aws, "g/find/three", "{\"x\":\"3\"}", &[("env", "dev")]).await;
    let second = aws.secrets().put_secret_value().secret_id("g/multi").secret_string("v2");
    second.client_request_token("aaaaaaaa-1111-2222-3333-444444444444").send().await.unwrap();
    for (name, value, kind) in [
        ("/g/p/one", "p1", ParameterType::String),
        ("/g/p/two", "p2", ParameterType::SecureString),
        ("/g/p/js", "{\"k\":\"v\",\"n\":1}", ParameterType::String),
        ("/g/p/list", "a,b", ParameterType::StringList),
    ] {
        aws.parameters().put_parameter().name(name).value(value).r#type(kind).send().await.unwrap();
    }
}

/// Replays one case and returns what differs from it.
async fn replay(api: &Api, case: Case) -> Option<String> {
    let Case { id, ns, before, apply, after } = expected(case);
    stores(api, &ns).await;
    for object in &before {
        let (kind, namespaced) = (kind(object), object.clone());
        if kind == Kind::Secret {
            // The field manager in the recording is kubectl's.
            api.create_as("kubectl-create", kind, namespaced).await;
        } else {
            api.apply(kind, object).await;
        }
    }
    for (index, object) in apply.iter().enumerate() {
        let name = object["metadata"]["name"].as_str().unwrap();
        if index > 0 {
            let first = apply[index - 1]["metadata"]["name"].as_str().unwrap();
            let synced = |first: &Value| condition(first, "Ready").is_some();
            api.wait(Kind::ExternalSecret, &ns, first, synced).await;
        }
        let applied = api.try_apply(Kind::ExternalSecret, object).await;
        if id == "x78" {
            assert!(applied.is_err(), "{id}: {name} is refused by the CRD");
            return None;
        }
        if let Err(error) = applied {
            return Some(format!("{id}: {error}"));
        }
    }
    let mut found = Err(String::new());
    let settles = eventually("the recorded state", async || {
        found = compare(api, &ns, &after).await;
        found.clone().ok()
    });
    if tokio::time::timeout(Duration::from_secs(40), settles).await.is_ok() {
        // The state must be stable.
        rig().catch_up(api).await;
        found = compare(api, &ns, &after).await;
    }
    found.err().map(|difference| format!("{id}: {difference}"))
}

/// The recorded outcome, changed where ours differs intentionally.
fn expected(mut case: Case) -> Case {
    if case.id == "x61" {
        // The controller does not mark a Secret that it does not write to.
        let metadata = case.after.secrets[0]["metadata"].as_object_mut().unwrap();
        metadata["labels"] = json!({ "own": "1" });
        metadata["fieldManagers"] = json!(["kubectl-create/Update"]);
    }
    case
}

async fn compare(api: &Api, namespace: &str, after: &After) -> Result<(), String> {
    let mut secrets = api.list(Kind::Secret, Some(namespace)).await;
    secrets.retain(|secret| secret["metadata"]["name"] != KEYS);
    secrets.iter_mut().for_each(normalise);
    if secrets != after.secrets {
        return Err(format!("Secrets are {}, and were {}", json!(secrets), json!(after.secrets)));
    }
    for (name, recorded) in &after.status {
        let external = api.get(Kind::ExternalSecret, namespace, name).await;
        let external = external.ok_or_else(|| format!("no ExternalSecret {name}"))?;
        let (status, recorded_ready) = (&external["status"], &recorded["conditions"][0]);
        let ready = condition(&external, "Ready").ok_or("no Ready")?;
        let is_same = ready["status"] == recorded_ready["status"]
            && ready["reason"] == recorded_ready["reason"]
            && status["binding"]["name"].as_str().unwrap_or_default()
                == recorded["binding"]["name"]
            && status["refreshTime"].is_string() == recorded["hasRefreshTime"]
            && status["syncedResourceVersion"].is_string() == recorded["syncedResourceVersion"];
        if !is_same {
            return Err(format!("{name}: the status is {status}, and was {recorded}"));
        }
        // The message begins with the words of External Secrets.
        let [message, was] = [&ready["message"], &recorded_ready["message"]].map(text);
        if !message.starts_with(&was) {
            return Err(format!("{name}: the message is {message:?}, and was {was:?}"));
        }
        if !external["metadata"]["finalizers"].is_null() {
            return Err(format!("{name} has a finalizer"));
        }
    }
    Ok(())
}

/// Removes fields that were not recorded, and keeps the names of the field managers.
fn normalise(secret: &mut Value) {
    let fields = secret["metadata"]["managedFields"].take();
    let managers = fields.as_array().into_iter().flatten().map(|entry| {
        let [manager, operation] = [&entry["manager"], &entry["operation"]].map(text);
        format!("{manager}/{operation}")
    });
    let mut managers: Vec<_> = managers.collect();
    managers.sort();
    without_unrecorded_fields(secret);
    secret["metadata"]["fieldManagers"] = json!(managers);
}

fn cases() -> Vec<Case> {
    let file = e2e::programs::repository("e2e/golden/external-secrets.jsonl");
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kind(object: &Value) -> Kind {
    match object["kind"].as_str() {
        Some("Secret") => Kind::Secret,
        Some("ConfigMap") => Kind::ConfigMap,
        other => panic!("{other:?} in the recording"),
    }
}
