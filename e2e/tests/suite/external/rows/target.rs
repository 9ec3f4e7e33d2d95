//! The resulting Secret: rows 15 to 33, 41 and 50.

use serde_json::{Value, json};

use super::super::support::{
    change, external, force, rig, secret, store, stores, value, wait_ready, wait_value,
};
use super::{Row, entry, explained};
use crate::support::{Kind, collect_garbage, condition, text};

#[tokio::test]
async fn rows_15_29_and_41_unsupported_fields_are_rejected_with_an_explanation() {
    let (api, ns) = (rig().api().await, "external-row-15");
    stores(&api, ns).await;
    let mut generated = external(ns, "generated", &[]);
    let generator = json!({ "apiVersion": "generators.external-secrets.io/v1alpha1",
                            "kind": "Password", "name": "p" });
    let source = json!({ "generatorRef": generator });
    generated["spec"]["dataFrom"] = json!([{ "sourceRef": source }]);
    // It was read from the store of the object.
    let mut one = external(ns, "generated-one", &[("A", "x")]);
    one["spec"]["data"][0]["sourceRef"] = source;
    for object in [generated, one] {
        let name = text(&object["metadata"]["name"]);
        api.create(Kind::ExternalSecret, object).await;
        let (_, message) = explained(&api, ns, &name).await;
        assert!(message.contains("generators (Password) are not supported"), "{message}");
    }
    let mut manifest = external(ns, "manifest", &[("A", "x")]);
    manifest["spec"]["target"] = json!({ "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } });
    api.create(Kind::ExternalSecret, manifest).await;
    let (_, message) = explained(&api, ns, "manifest").await;
    assert!(message.contains("target.manifest (ConfigMap) is not supported"), "{message}");
    api.create(Kind::SecretStore, store(ns, "certificates", "CertificateManager")).await;
    let mut certificate = external(ns, "certificate", &[("A", "x")]);
    certificate["spec"]["secretStoreRef"]["name"] = json!("certificates");
    api.create(Kind::ExternalSecret, certificate).await;
    let (reason, message) = explained(&api, ns, "certificate").await;
    assert_eq!(reason, "StoreInvalid", "{message}");
    assert!(message.contains("CertificateManager is not supported"), "{message}");
}

#[tokio::test]
async fn row_16_creation_policy_sets_the_owner() {
    let row = Row::new("external-row-16").await;
    let from = row.secret("a", "1").await;
    let spec = |policy: &str| json!({ "target": { "creationPolicy": policy }, "data": [entry("A", &from, json!({}))] });
    let owned = row.gives("owner", spec("Owner"), &[("A", "1")]).await;
    assert_eq!(owned["metadata"]["ownerReferences"][0]["name"], "owner");
    let orphan = row.gives("orphan", spec("Orphan"), &[("A", "1")]).await;
    assert!(orphan["metadata"]["ownerReferences"].is_null());
    row.external("none", &spec("None")).await;
    wait_ready(&row.api, row.ns, "none", "True").await;
    assert!(row.api.secret(row.ns, "none").await.is_none());
    for name in ["owner", "orphan"] {
        row.api.delete(Kind::ExternalSecret, row.ns, name).await;
    }
    crate::support::eventually("the owned one goes with its owner", async || {
        row.api.secret(row.ns, "owner").await.is_none().then_some(())
    })
    .await;
    assert!(row.api.secret(row.ns, "orphan").await.is_some());
}

#[tokio::test]
async fn row_17_create_or_merge_creates_the_secret_and_keeps_other_keys() {
    let (api, ns) = (rig().api().await, "external-row-17");
    stores(&api, ns).await;
    secret(&rig().aws, "row17/a", "1", &[]).await;
    let foreign =
        json!({ "metadata": { "namespace": ns, "name": "there" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, foreign).await;
    for name in ["there", "new"] {
        let mut object = external(ns, name, &[("A", "row17/a")]);
        object["spec"]["target"] = json!({ "creationPolicy": "CreateOrMerge" });
        api.create(Kind::ExternalSecret, object).await;
        wait_value(&api, ns, name, "A", "1").await;
    }
    let merged = api.secret(ns, "there").await.unwrap();
    assert_eq!(value(&merged, "own").as_deref(), Some("1"));
    assert!(merged["metadata"]["ownerReferences"].is_null());
    // It has no owner, so it stays.
    api.delete(Kind::ExternalSecret, ns, "new").await;
    collect_garbage(&api, ns).await;
    rig().catch_up(&api).await;
    assert!(api.secret(ns, "new").await.is_some());
}

#[tokio::test]
async fn row_18_deleted_value_is_retained_or_removed() {
    let row = Row::new("external-row-18").await;
    for name in ["retain", "merge"] {
        let [a, b] = [row.secret(&format!("{name}-a"), "1").await, row.secret(name, "2").await];
        let policy = if name == "retain" { "Retain" } else { "Merge" };
        let data = json!([entry("A", &a, json!({})), entry("B", &b, json!({}))]);
        let spec = json!({ "target": { "deletionPolicy": policy }, "data": data });
        row.gives(name, spec, &[("A", "1"), ("B", "2")]).await;
        let gone = rig().aws.secrets().delete_secret().secret_id(&b);
        gone.force_delete_without_recovery(true).send().await.unwrap();
        force(&row.api, row.ns, name).await;
    }
    let merged =
        row.api.wait(Kind::Secret, row.ns, "merge", |secret| value(secret, "B").is_none()).await;
    assert_eq!(value(&merged, "A").as_deref(), Some("1"));
    wait_ready(&row.api, row.ns, "retain", "False").await;
    let kept = row.api.secret(row.ns, "retain").await.unwrap();
    assert_eq!(value(&kept, "B").as_deref(), Some("2"));
}

#[tokio::test]
async fn row_19_immutable_secret_is_created_once() {
    let row = Row::new("external-row-19").await;
    let from = row.secret("a", "1").await;
    let data = [entry("A", &from, json!({}))];
    let spec = json!({ "target": { "immutable": true }, "data": data });
    let secret = row.gives("s", spec, &[("A", "1")]).await;
    assert_eq!(secret["immutable"], true);
    change(&rig().aws, &from, "2").await;
    force(&row.api, row.ns, "s").await;
    rig().catch_up(&row.api).await;
    let later = row.api.secret(row.ns, "s").await.unwrap();
    assert_eq!(later["metadata"]["resourceVersion"], secret["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn row_20_on_change_follows_the_object_and_created_once_does_not() {
    let row = Row::new("external-row-20").await;
    let from = row.secret("a", "1").await;
    let data = json!([entry("A", &from, json!({}))]);
    for policy in ["OnChange", "CreatedOnce"] {
        let spec = json!({ "refreshPolicy": policy, "refreshInterval": "1s", "data": data });
        row.gives(&policy.to_lowercase(), spec, &[("A", "1")]).await;
    }
    change(&rig().aws, &from, "2").await;
    rig().catch_up(&row.api).await;
    for name in ["onchange", "createdonce"] {
        let secret = row.api.secret(row.ns, name).await.unwrap();
        assert_eq!(value(&secret, "A").as_deref(), Some("1"), "{name}");
        force(&row.api, row.ns, name).await;
    }
    wait_value(&row.api, row.ns, "onchange", "A", "2").await;
    let secret = row.api.secret(row.ns, "createdonce").await.unwrap();
    assert_eq!(value(&secret, "A").as_deref(), Some("1"));
}

#[tokio::test]
async fn row_21_closed_window_delays_only_due_refreshes() {
    let (api, ns) = (rig().api().await, "external-row-21");
    stores(&api, ns).await;
    secret(&rig().aws, "row21/a", "1", &[]).await;
    let mut object = external(ns, "s", &[("A", "row21/a")]);
    object["spec"]["refreshInterval"] = json!("1s");
    let window = json!({ "schedule": "@every 1h", "duration": "24h" });
    object["spec"]["syncWindows"] = json!({ "kind": "deny", "windows": [window] });
    api.create(Kind::ExternalSecret, object).await;
    wait_value(&api, ns, "s", "A", "1").await;
    change(&rig().aws, "row21/a", "2").await;
    rig().catch_up(&api).await;
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "A").as_deref(), Some("1"));
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
}

#[tokio::test]
async fn row_23_template_sets_data_type_and_metadata() {
    let row = Row::new("external-row-23").await;
    let from = row.secret("a", r#"{"user":"u","password":"p"}"#).await;
    let template = json!({
        "engineVersion": "v2", "type": "kubernetes.io/basic-auth",
        "metadata": { "labels": { "of": "{{ .user }}" }, "annotations": { "note": "plain" } },
        "data": { "username": "{{ .user }}", "password": "{{ .password | upper }}" },
    });
    let spec = json!({ "target": { "template": template },
                       "dataFrom": [{ "extract": { "key": from } }] });
    let secret = row.gives("s", spec, &[("password", "P"), ("username", "u")]).await;
    assert_eq!(secret["type"], "kubernetes.io/basic-auth");
    assert_eq!(secret["metadata"]["annotations"]["note"], "plain");
}

#[tokio::test]
async fn row_24_templates_come_from_configmaps_secrets_and_literals() {
    let row = Row::new("external-row-24").await;
    let from = row.secret("a", "v").await;
    let templates = json!({ "file": "A={{ .A }}", "pairs": "P: {{ .A }}\nQ: q" });
    let map = json!({ "metadata": { "namespace": row.ns, "name": "t" }, "data": templates });
    row.api.create(Kind::ConfigMap, map).await;
    let of_secret = json!({ "metadata": { "namespace": row.ns, "name": "t" },
                            "stringData": { "other": "B={{ .A }}" } });
    row.api.create(Kind::Secret, of_secret).await;
    let items =
        |key: &str, how: &str| json!({ "name": "t", "items": [{ "key": key, "templateAs": how }] });
    let from_all = json!([
        { "configMap": items("file", "Values") },
        { "configMap": items("pairs", "KeysAndValues") },
        { "secret": items("other", "Values") },
        { "literal": "made: by-literal", "target": "Annotations" },
        { "literal": "kind: of-literal", "target": "Labels" },
    ]);
    let spec = json!({ "target": { "template": { "templateFrom": from_all } },
                       "data": [entry("A", &from, json!({}))] });
    let expected = [("P", "v"), ("Q", "q"), ("file", "A=v"), ("other", "B=v")];
    let secret = row.gives("s", spec, &expected).await;
    assert_eq!(secret["metadata"]["annotations"]["made"], "by-literal");
    assert_eq!(secret["metadata"]["labels"]["kind"], "of-literal");
}

#[tokio::test]
async fn row_25_template_replaces_or_extends_the_values() {
    let row = Row::new("external-row-25").await;
    let from = row.secret("a", "1").await;
    let spec = |policy: &str| {
        let template = json!({ "mergePolicy": policy, "data": { "B": "{{ .A }}2" } });
        json!({ "target": { "template": template }, "data": [entry("A", &from, json!({}))] })
    };
    row.gives("replace", spec("Replace"), &[("B", "12")]).await;
    row.gives("merge", spec("Merge"), &[("A", "1"), ("B", "12")]).await;
}

#[tokio::test]
async fn rows_26_to_28_templates_have_the_language_and_its_functions() {
    let row = Row::new("external-row-26").await;
    let pem = |kind: &str| format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n");
    let certificate = pem("CERTIFICATE");
    let both = format!("{}{certificate}", pem("EC PRIVATE KEY"));
    let from = row.secret("a", json!({ "list": "a,b", "pem": both }).to_string()).await;
    let language = r#"{{- define "item" }}<{{ . }}>{{ end -}}
        {{ range $i, $x := splitList "," .list }}{{ if $i }}; {{ end }}{{ template "item" $x }}{{ end }}"#;
    let data = json!({
        "certificate": "{{ .pem | filterPEM \"CERTIFICATE\" }}",
        "functions": "{{ .list | replace \",\" \"-\" | upper | b64enc }}",
        "language": language,
    });
    let spec = json!({ "target": { "template": { "data": data } },
                       "dataFrom": [{ "extract": { "key": from } }] });
    let expected =
        [("certificate", certificate.as_str()), ("functions", "QS1C"), ("language", "<a>; <b>")];
    row.gives("s", spec, &expected).await;
    let template = json!({ "data": { "B": "{{ .nope }}" } });
    let data = [entry("A", &from, json!({}))];
    let spec = json!({ "target": { "template": template }, "data": data });
    row.fails("missing", spec, "TemplateInvalid").await;
}

#[tokio::test]
async fn row_30_status_names_the_secret_for_service_bindings() {
    let row = Row::new("external-row-30").await;
    let from = row.secret("a", "1").await;
    let data = [entry("A", &from, json!({}))];
    row.external("s", &json!({ "target": { "name": "other" }, "data": data })).await;
    let object = wait_ready(&row.api, row.ns, "s", "True").await;
    assert_eq!(object["status"]["binding"]["name"], "other");
    assert!(row.api.secret(row.ns, "other").await.is_some());
}

#[tokio::test]
async fn rows_31_and_32_kubectl_shows_and_waits_for_what_scripts_expect() {
    let row = Row::new("external-row-31").await;
    let from = row.secret("a", "1").await;
    row.gives("s", json!({ "data": [entry("A", &from, json!({}))] }), &[("A", "1")]).await;
    let kubectl = |arguments: &[&str]| {
        let mut kubectl = rig().cluster.plane().kubectl();
        let output = kubectl.args(arguments).args(["-n", row.ns]).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // External Secrets' controller and other programs rely on these defaults.
    let mut bare = external(row.ns, "bare", &[("A", &from)]);
    bare["spec"].as_object_mut().unwrap().remove("refreshInterval");
    let object = row.api.create(Kind::ExternalSecret, bare).await;
    assert_eq!(object["spec"]["refreshInterval"], "1h0m0s");
    let target = json!({ "creationPolicy": "Owner", "deletionPolicy": "Retain" });
    assert_eq!(object["spec"]["target"], target);
    kubectl(&["wait", "--for=condition=Ready", "externalsecret/s", "--timeout=30s"]);
    let table = kubectl(&["get", "externalsecrets", "s"]);
    let mut lines = table.lines();
    let columns: Vec<_> = lines.next().unwrap().split("  ").map(str::trim).collect();
    let columns: Vec<_> = columns.into_iter().filter(|column| !column.is_empty()).collect();
    let expected =
        ["NAME", "STORETYPE", "STORE", "REFRESH INTERVAL", "STATUS", "READY", "LAST SYNC"];
    assert_eq!(columns, expected);
    let fields: Vec<_> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(fields[..6], ["s", "SecretStore", "aws", "1h", "SecretSynced", "True"]);
    let object = row.settled("s").await;
    assert_eq!(condition(&object, "Ready").unwrap()["message"], "secret synced");
}

#[tokio::test]
async fn row_50_labels_and_annotations_are_copied_without_a_template() {
    let row = Row::new("external-row-50").await;
    let from = row.secret("a", "1").await;
    for (name, template) in [("copied", Value::Null), ("own", json!({ "data": { "A": "x" } }))] {
        let mut object = external(row.ns, name, &[("A", &from)]);
        object["metadata"]["labels"] = json!({ "team": "x", "argocd.argoproj.io/instance": "app" });
        let applied = "kubectl.kubernetes.io/last-applied-configuration";
        object["metadata"]["annotations"] = json!({ "note": "y", applied: "{}" });
        object["spec"]["target"] = json!({ "template": template });
        row.api.create(Kind::ExternalSecret, object).await;
        wait_ready(&row.api, row.ns, name, "True").await;
        let metadata = row.api.secret(row.ns, name).await.unwrap()["metadata"].take();
        let is_copied = name == "copied";
        assert_eq!(metadata["labels"]["team"] == "x", is_copied, "{metadata}");
        assert_eq!(metadata["annotations"]["note"] == "y", is_copied, "{metadata}");
        assert!(metadata["labels"].get("argocd.argoproj.io/instance").is_none(), "{metadata}");
        assert!(metadata["annotations"].get(applied).is_none(), "{metadata}");
    }
}
