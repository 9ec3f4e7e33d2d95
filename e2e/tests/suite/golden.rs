//! Our controller behaves like Bitnami's in 59 recorded cases (`e2e/golden/README.md`).
//! That includes the types and reasons of Events.

use std::fs;
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    Api, Kind, catch_up, condition, eventually, ready_reason, shared, without_unrecorded_fields,
};

/// Cases with a template error.
const TEMPLATE_ERRORS: [&str; 4] = ["g38", "g39", "g40", "g41"];

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
    #[serde(default)]
    status: serde_json::Map<String, Value>,
    /// Type, reason, object and message.
    events: Vec<[String; 4]>,
}

#[tokio::test]
async fn recorded_cases_give_the_same_secrets_and_conditions() {
    let shared = shared();
    let api = shared.api().await;
    let cases = cases();
    assert_eq!(cases.len(), 59);
    let replays = cases.into_iter().map(|case| replay(&api, case));
    let differences: Vec<_> = join_all(replays).await.into_iter().flatten().collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));

    // g40 puts its value into an error of the template engine.
    let log = shared.controller.log().unwrap();
    assert!(!log.contains("canary-7f3"));
    for event in api.list(Kind::Event, None).await {
        assert!(!event.to_string().contains("canary-7f3"), "{event}");
    }
}

/// Replays one case and returns the difference, if there is one.
async fn replay(api: &Api, case: Case) -> Option<String> {
    let Case { id, ns, before, apply, after } = expected(case);
    api.namespace(&ns).await;
    for object in &before {
        api.apply(kind(object), object).await;
    }
    for (index, object) in apply.iter().enumerate() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let is_second_version =
            apply[..index].iter().any(|earlier| earlier["metadata"]["name"] == name);
        if is_second_version {
            api.wait(Kind::SealedSecret, &ns, name, |first| condition(first, "Synced").is_some())
                .await;
        }
        api.apply(kind(object), object).await;
    }
    let mut found = Err(String::new());
    let settles = eventually("the recorded state", async || {
        found = compare(api, &ns, &after).await;
        found.clone().ok()
    });
    if tokio::time::timeout(Duration::from_secs(80), settles).await.is_ok() {
        // The state must be stable.
        catch_up(api).await;
        found = compare(api, &ns, &after).await;
    }
    if let Err(difference) = found {
        return Some(format!("{id}: {difference}"));
    }
    for [type_, reason, object, _] in &after.events {
        eventually(&format!("{id}: {type_} Event {reason} of {object}"), async || {
            let events = api.events(&ns, object).await;
            events.iter().any(|event| event[..2] == [type_.as_str(), reason.as_str()]).then_some(())
        })
        .await;
    }
    if TEMPLATE_ERRORS.contains(&id.as_str()) {
        let sealed = api.get(Kind::SealedSecret, &ns, "s").await.unwrap();
        assert_eq!(ready_reason(&sealed), Some("TemplateInvalid"), "{id}");
    }
    if id == "g31" {
        let ignored = eventually("an Event names the ignored fields", async || {
            let events = api.events(&ns, "s").await;
            events.into_iter().find(|[_, reason, _]| reason == "TemplateFieldIgnored")
        });
        let [type_, _, message] = ignored.await;
        assert_eq!(type_, "Warning");
        assert!(message.contains("finalizers, ownerReferences"), "{message}");
    }
    None
}

/// The recorded outcome, changed where ours differs intentionally.
fn expected(mut case: Case) -> Case {
    let after = &mut case.after;
    let synced = |after: &mut After, status: &str| {
        after.status["s"]["conditions"][0]["status"] = json!(status);
        let [type_, reason] = match status {
            "True" => ["Normal", "Unsealed"],
            _ => ["Warning", "ErrUpdateFailed"],
        };
        after.events = vec![[type_, reason, "s", ""].map(str::to_owned)];
    };
    match case.id.as_str() {
        // Such a Secret would grant the permissions of a ServiceAccount.
        "g26" => {
            after.secrets.clear();
            synced(after, "False");
        }
        // Nothing authenticates the finalizers of a template.
        "g31" => {
            let metadata = after.secrets[0]["metadata"].as_object_mut().unwrap();
            metadata.remove("finalizers").unwrap();
        }
        // The recorded version's CRD rejects null; since v0.40 null means absent.
        "g45" => {
            let owner = json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                                "name": "s", "controller": true, "uid": "UID" });
            after.secrets = vec![json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": { "name": "s", "namespace": case.ns, "ownerReferences": [owner] },
                "data": { "A": "MQ==", "Q": "eA==" },
            })];
            let conditions = json!([{ "type": "Synced", "status": "True" }]);
            let status = json!({ "observedGeneration": 1, "conditions": conditions });
            after.status.insert("s".into(), status);
        }
        // The recorded second reconcile did not recognise the Secret of the first.
        "g50" => synced(after, "True"),
        _ => {}
    }
    case
}

async fn compare(api: &Api, namespace: &str, after: &After) -> Result<(), String> {
    let mut secrets = api.list(Kind::Secret, Some(namespace)).await;
    secrets.iter_mut().for_each(without_unrecorded_fields);
    if secrets != after.secrets {
        return Err(format!("Secrets are {}, and were {}", json!(secrets), json!(after.secrets)));
    }
    for (name, recorded) in &after.status {
        let sealed = api.get(Kind::SealedSecret, namespace, name).await;
        let sealed = sealed.ok_or_else(|| format!("no SealedSecret {name}"))?;
        let synced = condition(&sealed, "Synced").map(|condition| &condition["status"]);
        let status = &recorded["conditions"][0];
        assert_eq!(status["type"], "Synced");
        if synced != Some(&status["status"]) {
            return Err(format!("{name}: the status is {}", sealed["status"]));
        }
        if sealed["status"]["observedGeneration"] != recorded["observedGeneration"] {
            return Err(format!("{name}: observedGeneration: {}", sealed["status"]));
        }
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    let file = e2e::programs::repository("e2e/golden/sealed-secrets.jsonl");
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kind(object: &Value) -> Kind {
    match object["kind"].as_str() {
        Some("Secret") => Kind::Secret,
        Some("SealedSecret") => Kind::SealedSecret,
        other => panic!("{other:?} in the recording"),
    }
}
