//! A controller that watches some namespaces, with permissions only there.

use e2e::controller::Controller;
use serde_json::{Value, json};

use crate::support::{
    Kind, catch_up_in, condition, data, key_secret, private, ready_reason, sealed, text,
};

const OWN: &str = "namespaced-own";
const TEAM: &str = "namespaced-team";
const OTHER: &str = "namespaced-other";
const USER: &str = "system:serviceaccount:namespaced-own:sealer";

#[tokio::test]
async fn roles_in_watched_namespaces_suffice() {
    let private = private().await;
    let (api, cluster) = (private.api().await, private.cluster());
    for namespace in [OWN, TEAM, OTHER] {
        api.namespace(namespace).await;
        api.apply(Kind::SealedSecret, &sealed(namespace, "s", &[("A", namespace)])).await;
    }
    api.create(Kind::Secret, key_secret(OWN, "rsa2048")).await;
    for object in [OWN, TEAM].into_iter().flat_map(rights) {
        cluster.apply(&object).unwrap();
    }
    let directory = cluster.plane().directory();
    let identity = directory.join("sealer.kubeconfig");
    cluster.plane().access().service_account_kubeconfig(OWN, "sealer", &identity).unwrap();
    let own = format!("--namespace={OWN}");
    let team = format!("--additional-namespaces={TEAM}");
    let flags = [own.as_str(), "--all-namespaces=false", &team];
    let log = directory.join("sealer.log");
    let controller = Controller::spawn(&identity, &log, "127.0.0.1:0", &flags).unwrap();
    let controller = controller.ready().unwrap();

    for namespace in [OWN, TEAM] {
        api.wait_ready(namespace, "s").await;
        let secret = api.secret(namespace, "s").await.unwrap();
        assert_eq!(data(&secret), [format!("A={namespace}")]);
        // The controller repairs it too.
        api.patch(Kind::Secret, namespace, "s", json!({ "data": { "A": "Mg==" } })).await;
        api.wait(Kind::Secret, namespace, "s", |now| data(now) == data(&secret)).await;
    }
    // It cannot see ClusterSecretStores, so it leaves objects that use one to another controller.
    let theirs = json!({
        "metadata": { "namespace": TEAM, "name": "theirs" },
        "spec": { "secretStoreRef": { "kind": "ClusterSecretStore", "name": "aws" },
                  "data": [{ "secretKey": "A", "remoteRef": { "key": "a" } }] },
    });
    api.create(Kind::ExternalSecret, theirs).await;
    let theirs = api.wait(Kind::ExternalSecret, TEAM, "theirs", |object| {
        condition(object, "Explained").is_some()
    });
    let theirs = theirs.await;
    let message = text(&condition(&theirs, "Explained").unwrap()["message"]);
    assert!(message.contains("left to another controller"), "{message}");
    assert!(condition(&theirs, "Ready").is_none(), "{message}");

    // The list of one namespace must not remove objects of another.
    controller.end().unwrap();
    let controller = Controller::spawn(&identity, &log, "127.0.0.1:0", &flags).unwrap();
    let controller = controller.ready().unwrap();
    catch_up_in(&api, TEAM).await;
    let operations = "mtk_controller_private_key_operations_total";
    assert_eq!(controller.metrics().unwrap()[operations].to_string(), "0");

    assert_eq!(api.secret(OTHER, "s").await, None);
    let left_alone = api.get(Kind::SealedSecret, OTHER, "s").await.unwrap();
    assert_eq!(ready_reason(&left_alone), None);
    let requests = cluster.plane().requests().unwrap();
    let ours: Vec<_> = requests.iter().filter(|request| request.user == USER).collect();
    assert!(!ours.is_empty());
    let too_much = ours.iter().filter(|request| {
        request.code == 403 || request.namespace.is_empty() && !request.resource.is_empty()
    });
    let too_much: Vec<_> = too_much.collect();
    assert!(too_much.is_empty(), "{too_much:?}");
}

/// A ServiceAccount in its own namespace, and its Role and `RoleBinding` in this one.
fn rights(namespace: &str) -> [Value; 3] {
    let rule = |group: &str, resource: &str, verbs: &[&str]| json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
    let metadata = json!({ "namespace": namespace, "name": "sealer" });
    let group = "rbac.authorization.k8s.io";
    let version = "rbac.authorization.k8s.io/v1";
    [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "namespace": OWN, "name": "sealer" } }),
        json!({
            "apiVersion": version, "kind": "Role", "metadata": metadata,
            "rules": [
                rule("bitnami.com", "sealedsecrets", &["get", "list", "watch"]),
                rule("bitnami.com", "sealedsecrets/status", &["patch"]),
                rule("", "secrets", &["get", "list", "watch", "create", "patch"]),
                rule("", "events", &["create"]),
                rule("external-secrets.io", "externalsecrets", &["get", "list", "watch"]),
                rule("external-secrets.io", "externalsecrets/status", &["patch"]),
                rule("external-secrets.io", "secretstores", &["list", "watch"]),
            ],
        }),
        json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": { "apiGroup": group, "kind": "Role", "name": "sealer" },
            "subjects": [{ "kind": "ServiceAccount", "namespace": OWN, "name": "sealer" }],
        }),
    ]
}
