//! Stores: the identity, the settings and the endpoint of requests to AWS, and the rules at admission.

use std::collections::BTreeMap;
use std::fs;

use e2e::aws::{Aws, Fault, bare, pod};
use e2e::cluster::Cluster;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::support::{
    change, external, faulty, faulty_store, force, rig, secret, stores, wait_value,
};
use super::{Row, entry, explained};
use crate::support::{Api, Kind, condition, eventually, private, text};

#[tokio::test]
async fn row_35_service_account_reads_with_a_token_and_one_session() {
    let (faulty, _turn) = faulty().await;
    let (api, ns) = (rig().api().await, "external-row-35");
    faulty_store(&api, faulty, ns, json!({})).await;
    secret(&faulty.aws, "row35/a", "1", &[]).await;
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "namespace": ns, "name": "reader",
            "annotations": { "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/r" } } });
    rig().cluster.apply(&account).unwrap();
    let auth = json!({ "jwt": { "serviceAccountRef": { "name": "reader" } }, "secretRef": null });
    let patch = json!({ "spec": { "provider": { "aws": { "auth": auth } } } });
    api.patch(Kind::SecretStore, ns, "aws", patch).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "row35/a")])).await;
    // The chart grants the permission only for ServiceAccounts that it names.
    let (reason, message) = explained(&api, ns, "s").await;
    assert_eq!(reason, "AccessDenied", "{message}");
    assert!(message.contains("ServiceAccount external-row-35/reader"), "{message}");
    let entry = "add {namespace: external-row-35, name: reader} to the value `externalSecrets.serviceAccounts`";
    assert!(message.contains(entry), "{message}");
    // The permissions that the chart's `externalSecrets.serviceAccounts` grants.
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
    let second = Timestamp::now().as_second();
    eventually("the next second", async || (Timestamp::now().as_second() > second).then_some(()))
        .await;
    change(&faulty.aws, "row35/a", "2").await;
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
    faulty_store(&api, faulty, ns, roles).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "row35-chain/a")])).await;
    wait_value(&api, ns, "s", "A", "1").await;
    assert_eq!(count(&faulty.aws.counts(), "AssumeRole"), before + 3);
    let last = assumed(&faulty.aws, "role%2Fthree").pop().unwrap();
    assert!(last.contains("ExternalId=x"), "{last}");
    assert!(last.contains("TransitiveTagKeys.member.1=k"), "{last}");
}

/// Reads a secret with a store without credentials and a controller with these variables, so the
/// controller uses those of its Pod. Returns the access key id that signed the request.
async fn read_as_pod(
    cluster: &Cluster,
    aws: &Aws,
    ns: &str,
    service: &str,
    environment: &[(&str, &str)],
) -> String {
    let api = Api::of(cluster).await;
    api.namespace(ns).await;
    let provider = json!({ "service": service, "region": e2e::aws::REGION });
    let store = json!({ "metadata": { "namespace": ns, "name": "aws" },
                        "spec": { "provider": { "aws": provider } } });
    api.create(Kind::SecretStore, store).await;
    let controller = cluster.controller_in(&bare(environment), &["--log-level=debug"]).unwrap();
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "pods-own")])).await;
    wait_value(&api, ns, "s", "A", "1").await;
    controller.end().unwrap();
    // Another store would be another identity.
    api.clear(Kind::ExternalSecret).await;
    api.clear(Kind::SecretStore).await;
    let requests = aws.requests();
    let read = requests.iter().rfind(|request| request.operation.starts_with("Get"));
    read.unwrap().access_key.clone()
}

#[tokio::test]
async fn row_35_pod_gets_credentials_from_each_source() {
    let private = private().await;
    let aws = Aws::start().unwrap();
    secret(&aws, "pods-own", "1", &[]).await;
    let url = format!("http://{}", aws.address());
    let directory = tempfile::tempdir().unwrap();
    let [token, web] = ["token", "web"].map(|name| directory.path().join(name));
    fs::write(&token, pod::TOKEN).unwrap();
    fs::write(&web, "header.payload.signature").unwrap();
    let agent = format!("{url}{}", pod::PATH);
    let (endpoint, disabled) =
        (("AWS_ENDPOINT_URL", url.as_str()), ("AWS_EC2_METADATA_DISABLED", "true"));
    let read = async |ns: &str, environment: &[(&str, &str)]| {
        read_as_pod(private.cluster(), &aws, ns, "SecretsManager", environment).await
    };
    let identity = [
        endpoint,
        disabled,
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ];
    assert_eq!(read("external-row-35-identity", &identity).await, pod::OF_POD_IDENTITY);
    let instance = [endpoint, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str())];
    assert_eq!(read("external-row-35-instance", &instance).await, pod::OF_INSTANCE);
    let irsa = [
        endpoint,
        disabled,
        ("AWS_WEB_IDENTITY_TOKEN_FILE", web.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
    ];
    assert!(read("external-row-35-irsa", &irsa).await.starts_with("ASIA"));
    assert_eq!(count(&aws.counts(), "AssumeRoleWithWebIdentity"), 1);
}

#[tokio::test]
async fn row_36_session_has_tags_of_the_object() {
    let (faulty, _turn) = faulty().await;
    let (api, ns) = (rig().api().await, "external-row-36");
    secret(&faulty.aws, "row36/a", "1", &[]).await;
    let more = json!({ "role": "arn:aws:iam::123456789012:role/r", "sessionTagsPolicy": "Custom",
                       "customSessionTags": { "cost": "row36" } });
    faulty_store(&api, faulty, ns, more).await;
    api.create(Kind::ExternalSecret, external(ns, "s", &[("A", "row36/a")])).await;
    wait_value(&api, ns, "s", "A", "1").await;
    let forms = assumed(&faulty.aws, "external-row-36");
    assert_eq!(forms.len(), 1, "{forms:?}");
    for (key, value) in [
        ("cost", "row36"),
        ("esoNamespace", ns),
        ("esoStoreKind", "SecretStore"),
        ("esoStoreName", "aws"),
    ] {
        assert!(forms[0].contains(&format!("Key={key}&")), "{key}: {}", forms[0]);
        assert!(forms[0].contains(&format!("Value={value}")), "{value}: {}", forms[0]);
    }
}

#[tokio::test]
async fn row_38_prefix_applies_to_every_name() {
    let row = Row::new("external-row-38").await;
    row.secret("a", "1").await;
    let patch = json!({ "spec": { "provider": { "aws": { "prefix": "external-row-38/" } } } });
    row.api.patch(Kind::SecretStore, row.ns, "aws", patch).await;
    row.gives("data", json!({ "data": [entry("A", "a", json!({}))] }), &[("A", "1")]).await;
    secret(&rig().aws, "external-row-38-other", "2", &[]).await;
    let find = json!({ "dataFrom": [{ "find": { "name": { "regexp": "external-row-38" } } }] });
    let found = row.made("find", find).await;
    assert_eq!(found["data"].as_object().unwrap().len(), 1, "{}", found["data"]);
}

#[tokio::test]
async fn row_39_store_sets_the_number_of_retries() {
    let (faulty, _turn) = faulty().await;
    let api = rig().api().await;
    for (ns, retries, errors) in [("external-row-39-many", 5, 0), ("external-row-39-once", 1, 1)] {
        faulty_store(&api, faulty, ns, json!({})).await;
        let settings = json!({ "maxRetries": retries, "retryInterval": "50ms" });
        let patch = json!({ "spec": { "retrySettings": settings } });
        api.patch(Kind::SecretStore, ns, "aws", patch).await;
        let from = format!("{ns}/a");
        secret(&faulty.aws, &from, "1", &[]).await;
        faulty.catch_up(&api).await;
        let times = if errors == 0 { 4 } else { 1 };
        faulty.aws.faults().add(Fault::FailingItem(from.clone(), times));
        api.create(Kind::ExternalSecret, external(ns, "s", &[("A", &from)])).await;
        wait_value(&api, ns, "s", "A", "1").await;
        let metrics = faulty.controller.metrics_text().unwrap();
        let failed = metrics
            .lines()
            .find(|line| line.starts_with("externalsecret_sync_calls_error") && line.contains(ns));
        let failed = failed.and_then(|line| line.rsplit(' ').next()).unwrap();
        assert_eq!(failed, errors.to_string(), "{ns}");
        faulty.aws.faults().clear();
    }
}

#[tokio::test]
async fn row_39_store_sets_its_check_interval() {
    let (faulty, _turn) = faulty().await;
    let (api, ns) = (rig().api().await, "external-row-39-again");
    faulty.aws.faults().add(Fault::Denied("AssumeRole"));
    faulty_store(&api, faulty, ns, json!({ "role": "arn:aws:iam::123456789012:role/r" })).await;
    let patch = json!({ "spec": { "refreshInterval": 2 } });
    api.patch(Kind::SecretStore, ns, "aws", patch).await;
    let ready = async |status: &str| {
        api.wait(Kind::SecretStore, ns, "aws", |store| {
            condition(store, "Ready").is_some_and(|ready| ready["status"] == status)
        })
        .await
    };
    ready("False").await;
    faulty.aws.faults().clear();
    let cleared = std::time::Instant::now();
    ready("True").await;
    assert!(cleared.elapsed().as_secs() < 60, "the default is five minutes");
}

#[tokio::test]
async fn row_45_invalid_objects_are_rejected_at_admission() {
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
    let two: Value = json!({ "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
        "metadata": { "namespace": ns, "name": "two" },
        "spec": { "provider": { "aws": {}, "vault": {} } } });
    assert!(api.try_apply(Kind::SecretStore, &two).await.is_err());
}

#[tokio::test]
async fn row_45_invalid_refresh_interval_is_reported_in_the_status() {
    let row = Row::new("external-row-45-interval").await;
    let from = row.secret("a", "1").await;
    let spec = json!({ "refreshInterval": "1d", "data": [entry("A", &from, json!({}))] });
    let message = row.fails("s", spec, "Malformed").await;
    assert!(message.contains("refreshInterval `1d` is not a duration"), "{message}");
}

/// The status reports errors that no rule of the API server can detect.
#[tokio::test]
async fn row_45_invalid_store_explains_why() {
    let (api, ns) = (rig().api().await, "external-row-45-stores");
    stores(&api, ns).await;
    let with = |name: &str, keys: &str, field: &str, value: &str| {
        let mut store = super::super::support::store(ns, name, "SecretsManager");
        store["spec"]["provider"]["aws"]["auth"]["secretRef"][keys][field] = json!(value);
        store
    };
    let id = "accessKeyIDSecretRef";
    for (store, reason, words) in [
        (with("own", id, "namespace", ns), "Valid", "store validated"),
        (with("elsewhere", id, "namespace", "kube-system"), "InvalidProviderConfig", "namespace"),
        (with("no-secret", id, "name", "none"), "InvalidProviderConfig", "not found"),
        (with("no-item", id, "key", "none"), "InvalidProviderConfig", "has no key"),
    ] {
        let name = text(&store["metadata"]["name"]);
        api.create(Kind::SecretStore, store).await;
        let store = api.wait(Kind::SecretStore, ns, &name, |store| {
            condition(store, "Ready").is_some_and(|ready| ready["reason"] == reason)
        });
        let message = text(&condition(&store.await, "Ready").unwrap()["message"]);
        assert!(message.contains(words), "{name}: {message}");
    }
    let mut malformed = super::super::support::store("", "malformed", "SecretsManager");
    malformed["metadata"].as_object_mut().unwrap().remove("namespace");
    malformed["spec"]["conditions"] = json!([{ "namespaceRegexes": ["("] }]);
    api.create(Kind::ClusterSecretStore, malformed).await;
    api.wait(Kind::ClusterSecretStore, "", "malformed", |store| {
        condition(store, "Ready").is_some_and(|ready| ready["reason"] == "InvalidProviderConfig")
    })
    .await;
}

#[tokio::test]
async fn row_46_metrics_have_upstream_names() {
    let row = Row::new("external-row-46").await;
    let from = row.secret("a", "1").await;
    row.gives("s", json!({ "data": [entry("A", &from, json!({}))] }), &[("A", "1")]).await;
    let text = eventually("the store's metric", async || {
        let text = rig().controller.metrics_text().unwrap();
        let store = r#"secretstore_status_condition{name="aws",namespace="external-row-46""#;
        text.contains(store).then_some(text)
    })
    .await;
    for name in [
        "externalsecret_sync_calls_total",
        "externalsecret_sync_calls_error",
        "externalsecret_status_condition",
        "externalsecret_reconcile_duration",
        "secretstore_reconcile_duration",
    ] {
        let is_there = |line: &str| line.starts_with(name) && line.contains(row.ns);
        assert!(text.lines().any(is_there), "{name}");
    }
    let calls = text.lines().find(|line| {
        line.starts_with("externalsecret_provider_api_calls_count") && line.contains("AWS/Secrets")
    });
    assert!(calls.is_some(), "the requests to AWS");
}

#[tokio::test]
async fn row_48_each_service_has_its_own_endpoint_variable() {
    let private = private().await;
    let aws = Aws::start().unwrap();
    secret(&aws, "pods-own", "1", &[]).await;
    let put = aws.parameters().put_parameter().name("pods-own").r#type("String".into());
    put.value("1").send().await.unwrap();
    let url = format!("http://{}", aws.address());
    for (service, variable, ns) in [
        ("SecretsManager", "AWS_SECRETSMANAGER_ENDPOINT", "external-row-48-secrets"),
        ("ParameterStore", "AWS_SSM_ENDPOINT", "external-row-48-parameters"),
    ] {
        let environment = [
            (variable, url.as_str()),
            ("AWS_ACCESS_KEY_ID", "row-48"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let read = read_as_pod(private.cluster(), &aws, ns, service, &environment).await;
        assert_eq!(read, "row-48");
    }
}

/// The requests to STS for a role whose session contains these words, oldest first.
fn assumed(aws: &Aws, words: &str) -> Vec<String> {
    let requests = aws.requests().into_iter();
    let assumed = requests.filter(|request| request.operation == "AssumeRole");
    let by = |request: &e2e::aws::Request| {
        request.access_key.contains(words) || request.form.contains(words)
    };
    assumed.filter(by).map(|request| request.form).collect()
}

fn count(counts: &BTreeMap<String, usize>, operation: &str) -> usize {
    counts.get(operation).copied().unwrap_or_default()
}
