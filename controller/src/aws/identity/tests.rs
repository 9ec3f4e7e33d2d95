use serde_json::{Value, json};

use super::*;

/// The `provider.aws` of a store, with these fields added to the required ones.
fn aws(fields: Value) -> Aws {
    let mut aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
    aws.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(aws).unwrap()
}

fn secret_store(aws: &Aws) -> StoreSpec<'_> {
    let (label, namespace, name) = ("SecretStore n/s", Some("n"), "s");
    StoreSpec { label, namespace, name, uid: "u", generation: 1, aws, retry_settings: None }
}

fn cluster_store(aws: &Aws) -> StoreSpec<'_> {
    StoreSpec { namespace: None, ..secret_store(aws) }
}

fn identity(store: StoreSpec<'_>, namespace: &str) -> Identity {
    Identity::of(&store, namespace, |_| None).unwrap()
}

/// S3 (docs/design/safety.md): no identity gets what another one read.
#[test]
fn identity_contains_everything_that_decides_what_aws_answers() {
    let plain = aws(json!({}));
    let base = identity(secret_store(&plain), "n");
    for fields in [
        json!({ "region": "eu-west-2" }),
        json!({ "service": "ParameterStore" }),
        json!({ "role": "arn:aws:iam::1:role/a" }),
        json!({ "additionalRoles": ["arn:aws:iam::1:role/a"] }),
        json!({ "role": "r", "externalID": "x" }),
        json!({ "role": "r", "sessionTags": [{ "key": "k", "value": "v" }] }),
        json!({ "role": "r", "transitiveTagKeys": ["k"] }),
        json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "a" } } } }),
        json!({ "auth": { "secretRef": {
            "accessKeyIDSecretRef": { "name": "a", "key": "i" },
            "secretAccessKeySecretRef": { "name": "a", "key": "s" } } } }),
    ] {
        assert_ne!(identity(secret_store(&aws(fields.clone())), "n"), base, "{fields}");
    }
    let edited = StoreSpec { generation: 2, ..secret_store(&plain) };
    assert_ne!(identity(edited, "n"), base);
    let recreated = StoreSpec { uid: "another", ..secret_store(&plain) };
    assert_ne!(identity(recreated, "n"), base);
}

#[test]
fn namespace_is_part_of_the_identity_if_tags_or_references_depend_on_it() {
    let plain = aws(json!({}));
    assert_eq!(identity(cluster_store(&plain), "a"), identity(cluster_store(&plain), "b"));
    let tagged = aws(json!({ "role": "x", "sessionTagsPolicy": "Simple" }));
    assert_ne!(identity(cluster_store(&tagged), "a"), identity(cluster_store(&tagged), "b"));
    let tags = &identity(cluster_store(&tagged), "a").roles[0].session_tags;
    assert_eq!(tags["esoNamespace"], "a");
    assert_eq!(tags["esoStoreKind"], "ClusterSecretStore");
    let referent = aws(json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "x" } } } }));
    assert_ne!(identity(cluster_store(&referent), "a"), identity(cluster_store(&referent), "b"));
    assert!(has_references_without_namespace(&referent));
    assert!(!has_references_without_namespace(&plain));
}

/// A namespace that is deleted and created again, with a ServiceAccount of the same name, must not
/// read with the session of the old one.
#[test]
fn another_service_account_of_the_same_name_is_another_identity() {
    let jwt = aws(json!({ "auth": { "jwt": { "serviceAccountRef": { "name": "x" } } } }));
    let with = |uid: &str, role: &str, audience: &str| {
        let mut identity = identity(secret_store(&jwt), "n");
        let BaseCredentials::ServiceAccount(reference) = &mut identity.base else { panic!() };
        let [uid, role, audience] = [uid, role, audience].map(str::to_owned);
        reference.account = Some(ServiceAccountRole { uid, role, audience });
        identity
    };
    let own = with("1", "a", "sts");
    assert_eq!(own, with("1", "a", "sts"));
    for other in [with("2", "a", "sts"), with("1", "b", "sts"), with("1", "a", "other")] {
        assert_ne!(own, other);
    }
}

/// 256 objects with days between their attempts would block all others.
#[test]
fn pause_between_attempts_is_limited() {
    let settings =
        serde_json::from_value(json!({ "maxRetries": 99, "retryInterval": "24h" })).unwrap();
    let aws = aws(json!({}));
    let store = StoreSpec { retry_settings: Some(&settings), ..secret_store(&aws) };
    let retries = identity(store, "n").retries;
    assert_eq!(retries, Retries { attempts: 20, pause: Some(MAX_RETRY_PAUSE) });
}

/// external-secrets#3520: it may name its own namespace.
#[test]
fn secret_store_only_refers_to_its_own_namespace() {
    let with =
        |auth: Value| Identity::of(&secret_store(&aws(json!({ "auth": auth }))), "n", |_| None);
    let keys = |id: &str, token: &str| {
        let item = |ns: &str| json!({ "name": "a", "key": "i", "namespace": ns });
        with(json!({ "secretRef": { "accessKeyIDSecretRef": item(id),
            "secretAccessKeySecretRef": { "name": "a", "key": "s" },
            "sessionTokenSecretRef": item(token) } }))
    };
    let account = |ns: &str| {
        with(json!({ "jwt": { "serviceAccountRef": { "name": "a", "namespace": ns } } }))
    };
    let BaseCredentials::Keys { id, .. } = keys("n", "n").unwrap().base else { panic!() };
    assert_eq!(id.secret.namespace, "n");
    assert!(account("n").is_ok());
    for refused in [keys("victim", "n"), keys("n", "victim"), account("victim")] {
        let failure = refused.unwrap_err();
        assert_eq!(failure.reason, Reason::StoreInvalid);
        assert!(failure.message.contains("another namespace"), "{failure}");
    }
}
