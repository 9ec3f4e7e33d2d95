//! What `deploy/controller` gives the controller, and everybody: nothing but what is listed here.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// The controller's rights in the whole cluster: `GROUP/RESOURCE: VERBS`. No `update` and no
/// `delete` of Secrets, no right to read anything else, none to give rights.
const CLUSTER: [&str; 5] = [
    "/events: create",
    "/namespaces: list, watch",
    "/secrets: create, get, list, patch, watch",
    "bitnami.com/sealedsecrets/status: patch",
    "bitnami.com/sealedsecrets: get, list, watch",
];

/// What everybody who is logged in may do: get the certificate, by these two Services alone.
const EVERYBODY: [&str; 2] = [
    "/services [mtk-controller, sealed-secrets-controller]: get",
    "/services/proxy [http:mtk-controller:, http:mtk-controller:http, \
     http:sealed-secrets-controller:, http:sealed-secrets-controller:http, mtk-controller, \
     sealed-secrets-controller]: get",
];

#[test]
fn the_controller_has_the_least_rights() {
    let objects = objects();
    assert_eq!(rules(&objects, "ClusterRole", "mtk-controller"), CLUSTER);
    assert_eq!(
        bound(&objects, "ClusterRoleBinding", "mtk-controller"),
        json!([{ "kind": "ServiceAccount", "name": "mtk-controller", "namespace": "kube-system" }])
    );
}

#[test]
fn everybody_gets_the_certificate_and_nothing_else() {
    let objects = objects();
    let name = "mtk-controller-service-proxier";
    assert_eq!(rules(&objects, "Role", name), EVERYBODY);
    assert_eq!(
        bound(&objects, "RoleBinding", name),
        json!([{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
                 "name": "system:authenticated" }])
    );
}

#[test]
fn there_is_no_other_right() {
    let mut kinds: Vec<_> = objects()
        .iter()
        .filter_map(|object| object["kind"].as_str())
        .filter(|kind| kind.contains("Role"))
        .map(ToOwned::to_owned)
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]);
}

/// The API server's service proxy reaches every port of a Service that one may use it for.
#[test]
fn the_services_that_everybody_may_use_have_no_other_port_than_the_certificates() {
    for object in objects() {
        if object["kind"] != "Service" {
            continue;
        }
        let ports: Vec<_> = object["spec"]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|port| (port["name"].as_str().unwrap(), port["port"].as_u64().unwrap()))
            .collect();
        match object["metadata"]["name"].as_str().unwrap() {
            "mtk-controller" | "sealed-secrets-controller" => assert_eq!(ports, [("http", 8080)]),
            "mtk-controller-metrics" => assert_eq!(ports, [("metrics", 8081)]),
            other => panic!("{other} is no Service of ours"),
        }
    }
}

/// The profile `restricted` of the Pod Security Standards, a read-only root, and one replica, since
/// there is no leader election yet.
#[test]
fn the_pod_can_do_no_harm() {
    let objects = objects();
    let deployment = object(&objects, "Deployment", "mtk-controller");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"], json!({ "type": "Recreate" }));
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"], json!({ "type": "RuntimeDefault" }));
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
    let memory = |what: &str| container["resources"][what]["memory"].clone();
    assert_eq!(memory("requests"), memory("limits"), "a node would swap it");
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    for denied in ["volumes", "hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert!(pod.get(denied).is_none(), "{denied}");
    }
}

/// All objects of the kustomization.
fn objects() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/controller");
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let kustomization: Value = serde_saphyr::from_str(&read("kustomization.yaml")).unwrap();
    let resources = kustomization["resources"].as_array().unwrap();
    let objects = resources.iter().map(|name| name.as_str().unwrap());
    objects.flat_map(|name| serde_saphyr::from_multiple::<Value>(&read(name)).unwrap()).collect()
}

fn object<'o>(objects: &'o [Value], kind: &str, name: &str) -> &'o Value {
    objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The rules of a role, a line for each resource, sorted.
fn rules(objects: &[Value], kind: &str, name: &str) -> Vec<String> {
    let role = object(objects, kind, name);
    assert!(role.get("aggregationRule").is_none());
    let mut lines = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        assert!(rule.get("nonResourceURLs").is_none());
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                let names = words(&rule["resourceNames"]);
                let names = if names.is_empty() {
                    String::new()
                } else {
                    format!(" [{}]", names.join(", "))
                };
                let verbs = words(&rule["verbs"]).join(", ");
                lines.push(format!("{group}/{resource}{names}: {verbs}"));
            }
        }
    }
    lines.sort();
    lines
}

/// The subjects of a binding to the role of the same name.
fn bound(objects: &[Value], kind: &str, name: &str) -> Value {
    let binding = object(objects, kind, name);
    assert_eq!(binding["roleRef"]["name"], name);
    binding["subjects"].clone()
}

/// The sorted words of a list; none if there is no list.
fn words(list: &Value) -> Vec<&str> {
    let mut words: Vec<_> =
        list.as_array().into_iter().flatten().map(|word| word.as_str().unwrap()).collect();
    words.sort_unstable();
    words
}
