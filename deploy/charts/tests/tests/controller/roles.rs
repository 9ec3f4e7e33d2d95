//! Roles and ServiceAccounts of some values.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{cases, rendered, words};

/// The API server's service proxy reaches every port of a permitted Service.
#[test]
fn public_services_have_only_the_certificate_port() {
    for case in cases() {
        let roles = objects::of_kind(&case.objects, "Role");
        for rule in roles.iter().flat_map(|role| role["rules"].as_array().unwrap()) {
            if words(&rule["resources"]) != ["services"] {
                continue;
            }
            for name in words(&rule["resourceNames"]) {
                let service = objects::object(&case.objects, "Service", name);
                let ports = service["spec"]["ports"].as_array().unwrap();
                assert_eq!(ports.len(), 1, "{}: {name}", case.name);
                assert_eq!(ports[0]["name"], "http", "{}: {name}", case.name);
                assert_eq!(ports[0]["targetPort"], "http", "{}: {name}", case.name);
            }
        }
    }
}

#[test]
fn account_does_not_automount_its_token() {
    for case in cases() {
        for account in objects::of_kind(&case.objects, "ServiceAccount") {
            assert_eq!(account["automountServiceAccountToken"], false, "{}", case.name);
        }
    }
    let objects = rendered(json!({ "serviceAccount": { "create": false, "name": "given" } }));
    assert!(objects::of_kind(&objects, "ServiceAccount").is_empty());
    let (subjects, _) = objects::binding(&objects, "ClusterRoleBinding", "mtk-controller");
    assert_eq!(subjects[0]["name"], "given");
}

#[test]
fn duplicate_namespace_gets_one_role() {
    let objects = rendered(json!({ "additionalNamespaces": ["kube-system", "team-a"] }));
    let roles = objects::of_kind(&objects, "Role");
    let roles: Vec<_> = roles
        .iter()
        .filter(|role| role["metadata"]["name"] == "mtk-controller")
        .map(|role| role["metadata"]["namespace"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["kube-system", "team-a"]);
    let none = rendered(json!({ "rbac": { "clusterRole": false, "namespacedRoles": false } }));
    let roles: Vec<_> = objects::of_kind(&none, "Role")
        .iter()
        .map(|role| role["metadata"]["name"].clone())
        .collect();
    let expected = [
        "mtk-controller-certificate",
        "mtk-controller-certificate-reader",
        "mtk-controller-service-proxier",
    ];
    assert_eq!(roles, expected, "the certificate only");
}

/// Two long names in a namespace with the same prefix once shared a Role.
#[test]
fn listed_accounts_have_separate_roles() {
    let names = ["a", "b"].map(|end| format!("{}-{end}", "reader".repeat(10)));
    let longest = ["a", "b"].map(|end| format!("{}{end}", "r".repeat(252)));
    let accounts: Vec<_> = names
        .iter()
        .chain(&longest)
        .map(|name| json!({ "namespace": "team-a", "name": name }))
        .collect();
    let objects = rendered(json!({ "externalSecrets": { "serviceAccounts": accounts } }));
    let roles = objects::of_kind(&objects, "Role");
    let role_of = |account: &String| {
        let is_its = |role: &&&Value| role["rules"][0]["resourceNames"] == json!([account]);
        let [role] = roles.iter().filter(is_its).collect::<Vec<_>>()[..] else {
            panic!("not one Role for {account}")
        };
        let name = role["metadata"]["name"].as_str().unwrap();
        let (subjects, given) = objects::binding(&objects, "RoleBinding", name);
        assert_eq!(given, format!("Role/{name}"));
        assert_eq!(subjects[0]["name"], "mtk-controller");
        name.to_owned()
    };
    let whole = names.each_ref().map(|name| format!("mtk-controller-token-{name}"));
    assert_eq!(names.each_ref().map(role_of), whole);
    let cut = longest.each_ref().map(role_of);
    assert_ne!(cut[0], cut[1]);
    assert!(cut.iter().all(|name| name.len() == 253), "{cut:?}");
}
