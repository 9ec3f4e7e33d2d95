//! Services and network policies of the controller.

use chart_tests::{Helm, objects};
use serde_json::{Value, json};

use crate::{case, cases, render, rendered};

/// mtk-seal looks for the first, kubeseal for the second.
#[test]
fn clients_find_their_service_for_every_release_name() {
    let helm = Helm::four().unwrap();
    let objects = helm.template(&render().release("another")).unwrap();
    let names = ["mtk-controller", "mtk-controller-metrics", "sealed-secrets-controller"];
    assert_eq!(services(&objects), names);
    for name in [names[0], names[2]] {
        let service = objects::object(&objects, "Service", name);
        assert_eq!(service["metadata"]["namespace"], "kube-system");
        let port = json!([{ "name": "http", "port": 8080, "targetPort": "http" }]);
        assert_eq!(service["spec"]["ports"], port);
    }
}

#[test]
fn kubeseal_service_can_be_disabled_and_is_never_duplicated() {
    let without = rendered(json!({ "service": { "peer": { "enabled": false } } }));
    assert_eq!(services(&without), ["mtk-controller", "mtk-controller-metrics"]);
    let same = rendered(json!({ "fullnameOverride": "sealed-secrets-controller" }));
    let names = ["sealed-secrets-controller", "sealed-secrets-controller-metrics"];
    assert_eq!(services(&same), names);
}

#[test]
fn services_policies_and_monitors_select_only_the_controller_pod() {
    for case in cases() {
        let labels = |template: &Value| template["metadata"]["labels"].clone();
        let templates = objects::pod_templates(&case.objects);
        let selects = |selector: &Value| -> Vec<_> {
            let selected = templates.iter().filter(|(_, template)| {
                let labels = labels(template);
                selector.as_object().unwrap().iter().all(|(key, value)| labels[key] == *value)
            });
            selected.map(|(object, _)| object["kind"].as_str().unwrap()).collect()
        };
        for object in &case.objects {
            let selector = match object["kind"].as_str().unwrap() {
                "Service" => &object["spec"]["selector"],
                "Deployment" | "PodMonitor" => &object["spec"]["selector"]["matchLabels"],
                "NetworkPolicy" => &object["spec"]["podSelector"]["matchLabels"],
                _ => continue,
            };
            assert_eq!(selects(selector), ["Deployment"], "{}: {object}", case.name);
        }
    }
}

#[test]
fn policy_allows_certificate_to_all_and_metrics_to_prometheus() {
    let objects = rendered(json!({ "networkPolicy": { "enabled": true } }));
    let policy = &objects::object(&objects, "NetworkPolicy", "mtk-controller")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    let monitoring = json!({ "kubernetes.io/metadata.name": "monitoring" });
    assert_eq!(
        policy["ingress"],
        json!([
            { "ports": [{ "port": "http", "protocol": "TCP" }] },
            { "ports": [{ "port": "metrics", "protocol": "TCP" }],
              "from": [{ "namespaceSelector": { "matchLabels": monitoring } }] },
        ])
    );
    let credentials = blocks(&[
        "169.254.170.23/32",
        "fd00:ec2::23/128",
        "169.254.169.254/32",
        "fd00:ec2::254/128",
    ]);
    assert_eq!(
        policy["egress"],
        json!([
            { "ports": [tcp(443), tcp(6443)] },
            { "ports": [tcp(443)] },
            { "ports": [tcp(80)], "to": credentials },
            { "ports": [{ "port": 53, "protocol": "UDP" }, tcp(53)] },
        ])
    );
}

/// A configured address of the API server must not restrict AWS.
#[test]
fn policy_allows_aws_independently_of_api_server_address() {
    let egress =
        |objects: &[Value]| objects::of_kind(objects, "NetworkPolicy")[0]["spec"]["egress"].clone();
    let peer = egress(case("peer"));
    assert_eq!(peer[1], json!({ "ports": [tcp(443)] }));
    let narrow = egress(case("network"));
    let aws = blocks(&["10.1.0.0/16", "2001:db8:1::/48"]);
    assert_eq!(narrow[1], json!({ "ports": [tcp(443)], "to": aws }));
    assert_eq!(narrow[2]["ports"][0]["port"], 53, "no rule for the credentials");
    let alone = rendered(json!({
        "externalSecrets": { "enabled": false },
        "networkPolicy": { "enabled": true, "egress": { "kubeapiCidr": "10.0.0.1/32" } },
    }));
    let rules = egress(&alone);
    assert_eq!(rules.as_array().unwrap().len(), 2, "the API server and DNS: {rules}");
}

#[test]
fn api_server_address_narrows_the_policy() {
    let peer = case("peer");
    let rules = &objects::of_kind(peer, "NetworkPolicy")[0]["spec"]["egress"];
    let port = json!([{ "port": 6443, "protocol": "TCP" }]);
    assert_eq!(
        rules[0],
        json!({ "ports": port, "to": [{ "ipBlock": { "cidr": "10.0.0.1/32" } }] })
    );
    let closed = case("network-closed");
    let policy = &objects::of_kind(closed, "NetworkPolicy")[0]["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress"]));
    assert_eq!(policy["ingress"].as_array().unwrap().len(), 1, "only the certificate");
    assert_eq!(policy.get("egress"), None);
}

#[test]
fn only_the_certificate_service_is_external() {
    let objects = case("network");
    let kind = |name: &str| objects::object(objects, "Service", name)["spec"]["type"].clone();
    assert_eq!(kind("mtk-controller"), "LoadBalancer");
    assert_eq!(kind("kubeseal"), "ClusterIP");
    assert_eq!(kind("mtk-controller-metrics"), "ClusterIP");
    let ingress = &objects::object(objects, "Ingress", "mtk-controller")["spec"];
    let rules = ingress["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["http"]["paths"].as_array().unwrap().len(), 1);
    assert_eq!(rules[0]["http"]["paths"][0]["path"], "/v1/cert.pem");
    assert_eq!(ingress["tls"][0]["secretName"], "seal.example.org-tls");
}

fn tcp(port: u16) -> Value {
    json!({ "port": port, "protocol": "TCP" })
}

fn blocks(cidrs: &[&str]) -> Value {
    cidrs.iter().map(|cidr| json!({ "ipBlock": { "cidr": cidr } })).collect()
}

fn services(objects: &[Value]) -> Vec<String> {
    let services = objects::of_kind(objects, "Service");
    let mut names: Vec<_> = services
        .iter()
        .map(|service| service["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}
