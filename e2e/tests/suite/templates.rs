//! Values that templates compute from the items.

use e2e::cluster::NAMESPACE;
use serde_json::{Value, json};

use crate::support::{
    Api, Kind, condition, data, eventually, key_secret, private, resyncs, sealed, shared,
};

const RANDOM_FOR: &str = "mtk.mytomorrows.com/random-values-for";

/// A SealedSecret with this item `A` and these templates.
fn with_templates(namespace: &str, item: &str, templates: Value) -> Value {
    let mut object = sealed(namespace, "s", &[("A", item)]);
    object["spec"]["template"] = json!({ "data": templates });
    object
}

fn value(secret: &Value, key: &str) -> String {
    let start = format!("{key}=");
    let found = data(secret).into_iter().find_map(|pair| Some(pair.strip_prefix(&start)?.into()));
    found.unwrap_or_else(|| panic!("no {key}"))
}

async fn secret_of_generation(api: &Api, namespace: &str, generation: u32) -> Value {
    let mark = format!(".{generation}");
    let secret = api.wait(Kind::Secret, namespace, "s", |secret| {
        let text = secret["metadata"]["annotations"][RANDOM_FOR].as_str();
        text.is_some_and(|text| text.ends_with(&mark))
    });
    let secret = secret.await;
    api.wait_ready(namespace, "s").await;
    secret
}

#[tokio::test]
async fn template_error_has_the_position_and_no_value() {
    let api = shared().api().await;
    let ns = api.namespace("templates-mistake").await;
    let good = json!({ "url": "x://{{ .A }}@h" });
    api.apply(Kind::SealedSecret, &with_templates(&ns, "canary-9k", good)).await;
    api.wait_ready(&ns, "s").await;
    let bad = json!({ "url": "x://\n{{ .A | fail }}", "other": "{{ index .A 99 }}" });
    api.apply(Kind::SealedSecret, &with_templates(&ns, "canary-9k", bad)).await;
    let failed = api.wait_reason(&ns, "s", "TemplateInvalid").await;
    let message = condition(&failed, "Ready").unwrap()["message"].to_string();
    assert!(message.contains("template.data `other`: line 1, column "), "{message}");
    assert_eq!(value(&api.secret(&ns, "s").await.unwrap(), "url"), "x://canary-9k@h", "kept");
    let everything = format!("{failed} {:?}", api.events(&ns, "s").await);
    assert!(!everything.contains("canary-9k"), "{everything}");
}

/// Bitnami's controller generates them again at each reconcile.
#[tokio::test]
async fn random_values_are_generated_once_per_generation() {
    let api = shared().api().await;
    let ns = api.namespace("templates-random").await;
    let templates = json!({ "R": "{{ randAlphaNum 24 }}", "T": "t-{{ .A }}" });
    api.apply(Kind::SealedSecret, &with_templates(&ns, "1", templates.clone())).await;
    let first = secret_of_generation(&api, &ns, 1).await;
    let random = value(&first, "R");
    assert_eq!(random.len(), 24);
    let says = |[_, _, message]: &[String; 3]| message.contains("random") && message.contains('R');
    let events = eventually("an Event names the random item", async || {
        Some(api.events(&ns, "s").await).filter(|events| events.iter().any(says))
    });
    assert!(!format!("{:?}", events.await).contains(&random));

    // A repair keeps the random values.
    api.patch(Kind::Secret, &ns, "s", json!({ "data": { "A": "eA==", "T": null } })).await;
    let repaired =
        api.wait(Kind::Secret, &ns, "s", |secret| data(secret).contains(&"T=t-1".into()));
    let repaired = repaired.await;
    assert_eq!((value(&repaired, "A"), value(&repaired, "R")), ("1".into(), random.clone()));
    api.patch(Kind::Secret, &ns, "s", json!({ "data": { "R": null } })).await;
    let made = eventually("the value is generated again", async || {
        let secret = api.secret(&ns, "s").await?;
        data(&secret).iter().any(|pair| pair.starts_with("R=")).then(|| value(&secret, "R"))
    });
    let made = made.await;
    assert_ne!(made, random);

    api.apply(Kind::SealedSecret, &with_templates(&ns, "2", templates)).await;
    let second = secret_of_generation(&api, &ns, 2).await;
    assert_eq!(value(&second, "T"), "t-2");
    assert_ne!(value(&second, "R"), made);

    // Without random values, the annotation disappears.
    api.apply(Kind::SealedSecret, &with_templates(&ns, "2", json!({ "T": "{{ .A }}" }))).await;
    let last = api.wait(Kind::Secret, &ns, "s", |secret| data(secret) == ["A=2", "T=2"]).await;
    assert_eq!(last["metadata"]["annotations"].get(RANDOM_FOR), None);
}

#[tokio::test]
async fn random_values_survive_a_resync_a_restart_and_a_lost_record() {
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    let ns = api.namespace("templates-restart").await;
    let controller = private.cluster().controller(&["--resync-period=1s"]).unwrap();
    let templates = json!({ "R": "{{ randAlphaNum 24 }}", "U": "{{ uuidv4 }}" });
    api.apply(Kind::SealedSecret, &with_templates(&ns, "1", templates)).await;
    let before = secret_of_generation(&api, &ns, 1).await;
    resyncs(&controller, 3).await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), before, "no resync writes");
    controller.end().unwrap();
    // Bitnami's CRD drops the field.
    let lost = json!({ "status": { "fingerprint": null } });
    api.patch_status(Kind::SealedSecret, &ns, "s", lost).await;
    let controller = private.cluster().controller(&[]).unwrap();
    let restored = eventually("the record is written again", async || {
        let sealed = api.get(Kind::SealedSecret, &ns, "s").await?;
        sealed["status"]["fingerprint"].is_string().then_some(())
    });
    restored.await;
    assert_eq!(api.secret(&ns, "s").await.unwrap(), before);
    controller.end().unwrap();
}

#[tokio::test]
async fn slow_template_does_not_delay_other_objects() {
    let api = shared().api().await;
    let ns = api.namespace("templates-long").await;
    let round = "{{ range until 9999 }}";
    let endless = format!("{round}{round}{round}{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}");
    for n in 0..8 {
        let mut long = with_templates(&ns, "1", json!({ "E": endless }));
        long["metadata"]["name"] = json!(format!("long{n}"));
        long["spec"]["encryptedData"] = json!({});
        api.apply(Kind::SealedSecret, &long).await;
    }
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    for n in 0..8 {
        let failed = api.wait_reason(&ns, &format!("long{n}"), "TemplateInvalid").await;
        let message = condition(&failed, "Ready").unwrap()["message"].to_string();
        assert!(message.contains("too many steps"), "{message}");
    }
}
