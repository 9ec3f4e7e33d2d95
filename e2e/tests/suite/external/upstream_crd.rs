//! External Secrets' CRD instead of ours: it rejects the condition `Explained` and prunes
//! `status.versions`.

use e2e::aws::Aws;
use serde_json::{Value, json};

use super::support::{catch_up, external, secret, stores, wait_ready, wait_refreshes, wait_value};
use crate::support::{Api, Kind, condition, eventually, private, text};

pub(crate) const NAME: &str = "externalsecrets.external-secrets.io";

/// Our CRD with the status schema of External Secrets'.
pub(crate) fn upstream(mut crd: Value) -> Value {
    crd.as_object_mut().unwrap().remove("status");
    crd["metadata"] = json!({ "name": NAME, "labels": crd["metadata"]["labels"] });
    for version in crd["spec"]["versions"].as_array_mut().unwrap() {
        let status = &mut version["schema"]["openAPIV3Schema"]["properties"]["status"];
        status.as_object_mut().unwrap().remove("default").unwrap();
        let schema = &mut status["properties"];
        for own in ["observedGeneration", "versions", "fingerprint"] {
            schema.as_object_mut().unwrap().remove(own).unwrap();
        }
        let condition = &mut schema["conditions"]["items"]["properties"];
        condition.as_object_mut().unwrap().remove("observedGeneration").unwrap();
        condition["type"]["enum"] = json!(["Ready", "Deleted"]);
    }
    crd
}

#[tokio::test]
async fn upstream_crd_gets_reasons_and_no_repeated_writes() {
    let private = private().await;
    let (api, ns) = (private.api().await, "external-upstream-crd");
    let aws = Aws::start().unwrap();
    secret(&aws, "upstream-crd/a", "1", &[]).await;
    stores(&api, ns).await;
    let crd = api.get(Kind::CustomResourceDefinition, "", NAME).await.unwrap();
    private.cluster().apply(&upstream(crd)).unwrap();
    wait_for_explained(&api, ns, false).await;
    let controller = private.cluster().controller_with(&aws, &[]).unwrap();

    api.create(Kind::ExternalSecret, external(ns, "lost", &[("A", "upstream-crd/none")])).await;
    let lost = wait_ready(&api, ns, "lost", "False").await;
    let ready = condition(&lost, "Ready").unwrap();
    assert_eq!(ready["reason"], "SecretSyncedError");
    let message = text(&ready["message"]);
    assert!(message.starts_with("could not get secret data from provider"), "{message}");
    assert!(message.contains("secret `upstream-crd/none` not found"), "{message}");
    eventually("the Event exists", async || {
        let events = api.events(ns, "lost").await;
        events.iter().any(|event| event[1] == "UpdateFailed").then_some(())
    })
    .await;

    let mut object = external(ns, "s", &[("A", "upstream-crd/a")]);
    object["spec"]["refreshInterval"] = json!("1s");
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let object = wait_ready(&api, ns, "s", "True").await;
    assert!(object["status"]["versions"].is_null(), "the API server prunes it");
    catch_up(&api, &aws, &controller, "default").await;
    let version = async || {
        let object = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
        text(&object["metadata"]["resourceVersion"])
    };
    let (before, asked) = (version().await, aws.requests().len());
    wait_refreshes(&controller, ns, "s", 3.0).await;
    assert!(aws.requests().len() > asked, "the controller reads it again");
    assert_eq!(version().await, before, "the controller does not write it");

    // The controller writes nothing to an object of another controller.
    let vault = json!({ "metadata": { "namespace": ns, "name": "vault" },
        "spec": { "provider": { "vault": { "server": "https://v" } } } });
    api.create(Kind::SecretStore, vault).await;
    let mut theirs = external(ns, "theirs", &[("A", "x")]);
    theirs["spec"]["secretStoreRef"]["name"] = json!("vault");
    api.create(Kind::ExternalSecret, theirs).await;
    let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True",
        "reason": "SecretSynced", "message": "secret synced" }] } });
    api.patch_status(Kind::ExternalSecret, ns, "theirs", ready.clone()).await;
    let label = json!({ "metadata": { "labels": { "looked-at": "again" } } });
    api.patch(Kind::ExternalSecret, ns, "theirs", label).await;
    catch_up(&api, &aws, &controller, "default").await;
    let theirs = api.get(Kind::ExternalSecret, ns, "theirs").await.unwrap();
    assert_eq!(theirs["status"], ready["status"]);
    let log = controller.log().unwrap();
    assert_eq!(log.matches("refuses the condition Explained").count(), 1, "logged once");
    assert_eq!(log.matches("has no field status.versions").count(), 1, "logged once");

    // Other tests need our CRD.
    e2e::cluster::install(private.cluster().plane().access()).unwrap();
    wait_for_explained(&api, ns, true).await;
}

/// Waits until the API server accepts the condition `Explained`, or rejects it.
pub(crate) async fn wait_for_explained(api: &Api, ns: &str, accepted: bool) {
    let mut object = external(ns, "schema", &[("A", "x")]);
    object["spec"]["secretStoreRef"]["name"] = json!("none-of-ours");
    object["spec"]["refreshInterval"] = json!("0");
    api.apply(Kind::ExternalSecret, &object).await;
    let explained = json!({ "status": { "conditions": [{
        "type": "Explained", "status": "True", "reason": "Probe", "message": "",
    }] } });
    eventually("the schema is in force", async || {
        let patched =
            api.try_patch_status(Kind::ExternalSecret, ns, "schema", explained.clone()).await;
        (patched.is_ok() == accepted).then_some(())
    })
    .await;
    api.delete(Kind::ExternalSecret, ns, "schema").await;
}
