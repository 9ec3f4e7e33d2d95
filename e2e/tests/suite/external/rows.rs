//! The rows of `docs/compatibility.md` that no other test shows, by their number.

use serde_json::{Value, json};

use super::support::{
    change, external, faulty, faulty_store, force, rig, secret, stores, value, wait_ready,
    wait_value,
};
use crate::support::{Api, Kind, condition, pause, text};

async fn explained(api: &Api, ns: &str, name: &str) -> (String, String) {
    let object = wait_ready(api, ns, name, "False").await;
    let explained = condition(&object, "Explained").unwrap();
    (text(&explained["reason"]), text(&explained["message"]))
}

#[tokio::test]
async fn row_10_null_bytes_are_kept_or_refused() {
    let (api, ns) = (rig().api().await, "external-row-10");
    stores(&api, ns).await;
    secret(&rig().aws, "row10/a", [b'a', 0, b'b'], &[]).await;
    let mut object = external(ns, "kept", &[("A", "row10/a")]);
    api.create(Kind::ExternalSecret, object.clone()).await;
    wait_value(&api, ns, "kept", "A", "a\0b").await;
    object["metadata"]["name"] = json!("refused");
    object["spec"]["data"][0]["remoteRef"]["nullBytePolicy"] = json!("Fail");
    api.create(Kind::ExternalSecret, object).await;
    let (reason, message) = explained(&api, ns, "refused").await;
    assert_eq!(reason, "Malformed");
    assert!(message.contains("null bytes"), "{message}");
}

#[tokio::test]
async fn rows_15_and_29_what_is_not_supported_is_refused_with_a_word() {
    let (api, ns) = (rig().api().await, "external-row-15");
    stores(&api, ns).await;
    let mut generated = external(ns, "generated", &[]);
    let generator = json!({ "apiVersion": "generators.external-secrets.io/v1alpha1",
                            "kind": "Password", "name": "p" });
    generated["spec"]["dataFrom"] = json!([{ "sourceRef": { "generatorRef": generator } }]);
    api.create(Kind::ExternalSecret, generated).await;
    let (_, message) = explained(&api, ns, "generated").await;
    assert!(message.contains("generators (Password) are not supported"), "{message}");
    let mut manifest = external(ns, "manifest", &[("A", "x")]);
    manifest["spec"]["target"] = json!({ "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } });
    api.create(Kind::ExternalSecret, manifest).await;
    let (_, message) = explained(&api, ns, "manifest").await;
    assert!(message.contains("target.manifest (ConfigMap) is not supported"), "{message}");
}

#[tokio::test]
async fn row_17_create_or_merge_makes_the_secret_and_leaves_other_keys() {
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
    // It is nobody's: it stays.
    api.delete(Kind::ExternalSecret, ns, "new").await;
    pause(1500).await;
    assert!(api.secret(ns, "new").await.is_some());
}

#[tokio::test]
async fn row_21_a_closed_window_holds_back_what_is_due_and_nothing_else() {
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
    pause(4000).await;
    assert_eq!(value(&api.secret(ns, "s").await.unwrap(), "A").as_deref(), Some("1"));
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
}

#[tokio::test]
async fn row_35_a_service_account_reads_with_a_token_and_one_session() {
    let (faulty, _turn) = faulty().await;
    let (api, ns) = (rig().api().await, "external-row-35");
    faulty_store(&api, ns, json!({})).await;
    secret(&faulty.aws, "row35/a", "1", &[]).await;
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "namespace": ns, "name": "reader",
            "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/r" } } });
    rig().cluster.apply(&account).unwrap();
    let auth = json!({ "jwt": { "serviceAccountRef": { "name": "reader" } }, "secretRef": null });
    let patch = json!({ "spec": { "provider": { "aws": { "auth": auth } } } });
    api.patch(Kind::SecretStore, ns, "aws", patch).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "row35/a")])).await;
    // The right is for ServiceAccounts that the operator names, and for no others.
    let (reason, message) = explained(&api, ns, "s").await;
    assert_eq!(reason, "AccessDenied", "{message}");
    assert!(message.contains("ServiceAccount external-row-35/reader"), "{message}");
    // What the chart's `externalSecrets.serviceAccounts` gives.
    let right = |resource: &str, verb: &str| json!({ "apiGroups": [""], "resources": [resource], "resourceNames": ["reader"], "verbs": [verb] });
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": { "namespace": ns, "name": "mtk-controller-token-reader" },
        "rules": [right("serviceaccounts", "get"), right("serviceaccounts/token", "create")] });
    let binding = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "namespace": ns, "name": "mtk-controller-token-reader" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role",
                     "name": "mtk-controller-token-reader" },
        "subjects": [{ "kind": "ServiceAccount", "name": "mtk-controller", "namespace": "kube-system" }] });
    for object in [role, binding] {
        rig().cluster.apply(&object).unwrap();
    }
    let before = count(&faulty.aws.counts(), "AssumeRoleWithWebIdentity");
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "1").await;
    change(&faulty.aws, "row35/a", "2").await;
    pause(1200).await;
    force(&api, ns, "s").await;
    wait_value(&api, ns, "s", "A", "2").await;
    assert_eq!(count(&faulty.aws.counts(), "AssumeRoleWithWebIdentity"), before + 1);
}

#[tokio::test]
async fn row_35_roles_are_assumed_in_a_chain() {
    let (faulty, _turn) = faulty().await;
    let (api, ns) = (rig().api().await, "external-row-35-chain");
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    let roles = json!({ "additionalRoles": [role("one"), role("two")], "role": role("three"),
                        "externalID": "x", "sessionTags": [{ "key": "k", "value": "v" }],
                        "transitiveTagKeys": ["k"], "sessionTagsPolicy": "Simple" });
    secret(&faulty.aws, "row35-chain/a", "1", &[]).await;
    let before = count(&faulty.aws.counts(), "AssumeRole");
    faulty_store(&api, ns, roles).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "row35-chain/a")])).await;
    wait_value(&api, ns, "s", "A", "1").await;
    assert_eq!(count(&faulty.aws.counts(), "AssumeRole"), before + 3);
}

#[tokio::test]
async fn row_45_what_cannot_be_meant_is_refused_at_once() {
    let (api, ns) = (rig().api().await, "external-row-45");
    stores(&api, ns).await;
    let one = json!([{ "secretKey": "A", "remoteRef": { "key": "x" } }]);
    for (spec, words) in [
        (json!({}), "either data or dataFrom"),
        (json!({ "dataFrom": [{}] }), "exactly one of extract, find"),
        (
            json!({ "dataFrom": [{ "extract": { "key": "x" }, "find": { "tags": { "a": "b" } } }] }),
            "exactly one of extract, find",
        ),
        (
            json!({ "dataFrom": [{ "extract": { "key": "x" }, "rewrite": [{}] }] }),
            "exactly one of regexp",
        ),
        (
            json!({ "data": one, "target": { "deletionPolicy": "Delete", "creationPolicy": "Merge" } }),
            "deletionPolicy=Delete",
        ),
        (
            json!({ "data": one, "target": { "deletionPolicy": "Merge", "creationPolicy": "None" } }),
            "deletionPolicy=Merge",
        ),
        (json!({ "data": one, "refreshPolicy": "Sometimes" }), "Unsupported value"),
    ] {
        let object = json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "namespace": ns, "name": "s" }, "spec": spec });
        let refused = api.try_apply(Kind::ExternalSecret, &object).await.unwrap_err().to_string();
        assert!(refused.contains(words), "{spec}: {refused}");
    }
    let mut elsewhere = super::support::store(ns, "elsewhere", "SecretsManager");
    let keys = &mut elsewhere["spec"]["provider"]["aws"]["auth"]["secretRef"];
    keys["accessKeyIDSecretRef"]["namespace"] = json!("kube-system");
    elsewhere["apiVersion"] = json!("external-secrets.io/v1");
    elsewhere["kind"] = json!("SecretStore");
    let refused: String =
        api.try_apply(Kind::SecretStore, &elsewhere).await.unwrap_err().to_string();
    assert!(refused.contains("its own namespace"), "{refused}");
    let two: Value = json!({ "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
        "metadata": { "namespace": ns, "name": "two" },
        "spec": { "provider": { "aws": {}, "vault": {} } } });
    assert!(api.try_apply(Kind::SecretStore, &two).await.is_err());
}

fn count(counts: &std::collections::BTreeMap<String, usize>, operation: &str) -> usize {
    counts.get(operation).copied().unwrap_or_default()
}
