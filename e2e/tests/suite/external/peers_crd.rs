//! External Secrets' CRD in the place of ours: it refuses the condition `Explained`, and prunes
//! `status.versions`.

use e2e::aws::Aws;
use serde_json::{Value, json};

use super::support::{external, secret, stores, wait_ready, wait_value};
use crate::support::{Kind, condition, eventually, pause, private, text};

const NAME: &str = "externalsecrets.external-secrets.io";

/// Ours, as far as a status is concerned like theirs.
fn peers(mut crd: Value) -> Value {
    crd.as_object_mut().unwrap().remove("status");
    crd["metadata"] = json!({ "name": NAME, "labels": crd["metadata"]["labels"] });
    for version in crd["spec"]["versions"].as_array_mut().unwrap() {
        let schema =
            &mut version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"];
        let status = schema.as_object_mut().unwrap();
        status.remove("versions").unwrap();
        status.remove("fingerprint").unwrap();
        let condition = &mut schema["conditions"]["items"]["properties"];
        condition.as_object_mut().unwrap().remove("observedGeneration").unwrap();
        condition["type"]["enum"] = json!(["Ready", "Deleted"]);
    }
    crd
}

#[tokio::test]
async fn with_external_secrets_crd_reasons_are_told_and_what_is_unchanged_is_not_written() {
    let private = private().await;
    let (api, ns) = (private.api().await, "external-peers-crd");
    let aws = Aws::start().unwrap();
    secret(&aws, "peers-crd/a", "1", &[]).await;
    stores(&api, ns).await;
    let crd = api.get(Kind::CustomResourceDefinition, "", NAME).await.unwrap();
    private.cluster().apply(&peers(crd)).unwrap();
    // The API server takes a moment to heed the new schema.
    pause(3000).await;
    let controller = private.cluster().controller_with(&aws, &[]).unwrap();

    api.create(Kind::ExternalSecret, external(ns, "lost", &[("A", "peers-crd/none")])).await;
    let lost = wait_ready(&api, ns, "lost", "False").await;
    let ready = condition(&lost, "Ready").unwrap();
    assert_eq!(ready["reason"], "SecretSyncedError");
    let message = text(&ready["message"]);
    assert!(message.starts_with("could not get secret data from provider"), "{message}");
    assert!(message.contains("secret `peers-crd/none` not found"), "{message}");
    eventually("an Event", async || {
        let events = api.events(ns, "lost").await;
        events.iter().any(|event| event[1] == "UpdateFailed").then_some(())
    })
    .await;

    let mut object = external(ns, "s", &[("A", "peers-crd/a")]);
    object["spec"]["refreshInterval"] = json!("1s");
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let object = wait_ready(&api, ns, "s", "True").await;
    assert!(object["status"]["versions"].is_null(), "it is pruned");
    pause(1000).await;
    let version = async || {
        let object = api.get(Kind::ExternalSecret, ns, "s").await.unwrap();
        text(&object["metadata"]["resourceVersion"])
    };
    let (before, asked) = (version().await, aws.requests().len());
    pause(4000).await;
    assert!(aws.requests().len() > asked, "it is read again");
    assert_eq!(version().await, before, "and not written");

    // Of an object that is another controller's, not even that.
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
    pause(2000).await;
    let theirs = api.get(Kind::ExternalSecret, ns, "theirs").await.unwrap();
    assert_eq!(theirs["status"], ready["status"]);
    let log = controller.log().unwrap();
    assert_eq!(log.matches("refuses the condition Explained").count(), 1, "said once");
    assert_eq!(log.matches("has no field status.versions").count(), 1, "said once");

    // Others need ours, and the API server takes a moment again.
    e2e::cluster::install(private.cluster().plane().access()).unwrap();
    eventually("ours is in force", async || {
        let crd = api.get(Kind::CustomResourceDefinition, "", NAME).await.unwrap();
        let types = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/conditions\
                     /items/properties/type/enum";
        crd.pointer(types).is_none().then_some(())
    })
    .await;
    pause(3000).await;
}
