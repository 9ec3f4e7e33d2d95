//! Service, routes and network policies.

use chart_tests::{Helm, objects};
use serde_json::{Value, json};

use crate::{app, case, container, render, rendered};

#[test]
fn service_is_a_load_balancer_by_default() {
    let objects = rendered(json!({}));
    let spec = &objects::object(&objects, "Service", "web")["spec"];
    assert_eq!(spec["type"], "LoadBalancer");
    let port = json!([{ "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" }]);
    assert_eq!(spec["ports"], port);
    assert_eq!(container(&objects)["ports"][0]["containerPort"], 8080);
}

/// The Gateway already has a load balancer.
#[test]
fn service_beside_a_gateway_is_internal_by_default() {
    let kind = |values: Value| {
        let objects = rendered(values);
        objects::object(&objects, "Service", "web")["spec"]["type"].clone()
    };
    let route = json!({ "enabled": true, "parentRefs": [{ "name": "public" }] });
    assert_eq!(kind(json!({ "httpRoute": route })), "ClusterIP");
    assert_eq!(kind(json!({ "grpcRoute": route })), "ClusterIP");
    let node_port = json!({ "httpRoute": route, "service": { "type": "NodePort" } });
    assert_eq!(kind(node_port), "NodePort");
}

#[test]
fn route_attaches_to_the_named_listener() {
    let parents = |route: Value| {
        let gateway = json!({ "enabled": true, "className": "eg" });
        let objects = rendered(json!({ "httpRoute": route, "gateway": gateway }));
        objects::object(&objects, "HTTPRoute", "web")["spec"]["parentRefs"].clone()
    };
    let own = parents(json!({ "enabled": true, "sectionName": "https" }));
    assert_eq!(own, json!([{ "name": "web", "sectionName": "https" }]));
    let refs = json!([{ "name": "a" }, { "name": "b", "sectionName": "own" }]);
    let others = parents(json!({ "enabled": true, "sectionName": "https", "parentRefs": refs }));
    let expected =
        json!([{ "name": "a", "sectionName": "https" }, { "name": "b", "sectionName": "own" }]);
    assert_eq!(others, expected);
}

/// The Service contains each option of a values file.
#[test]
fn service_contains_all_options() {
    let service = objects::object(case("load-balancer"), "Service", "web");
    let spec = &service["spec"];
    for (field, value) in [
        ("loadBalancerClass", json!("service.k8s.aws/nlb")),
        ("loadBalancerSourceRanges", json!(["192.0.2.0/24"])),
        ("allocateLoadBalancerNodePorts", json!(true)),
        ("externalTrafficPolicy", json!("Local")),
        ("internalTrafficPolicy", json!("Cluster")),
        ("trafficDistribution", json!("PreferSameZone")),
        ("sessionAffinity", json!("ClientIP")),
        ("sessionAffinityConfig", json!({ "clientIP": { "timeoutSeconds": 600 } })),
        ("ipFamilyPolicy", json!("PreferDualStack")),
        ("ipFamilies", json!(["IPv4"])),
    ] {
        assert_eq!(spec[field], value, "{field}");
    }
    assert_eq!(spec["ports"][0]["nodePort"], 30443);
    assert_eq!(spec["ports"][0]["appProtocol"], "http");
    let scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme";
    assert_eq!(service["metadata"]["annotations"][scheme], "internet-facing");
}

#[test]
fn field_of_later_version_is_omitted() {
    let field = |version: &str| {
        let render = render().kube_version(version).values_file("ci/load-balancer-values.yaml");
        let objects = Helm::four().unwrap().template(&render).unwrap();
        objects::object(&objects, "Service", "web")["spec"].get("trafficDistribution").cloned()
    };
    assert_eq!(field("1.30.0"), None);
    assert_eq!(field("1.31.0"), Some(json!("PreferSameZone")));
    let groups = app().alike(&[30, 31, 37]).unwrap();
    assert_eq!(groups[0], [30], "the matrix must render both");
}

#[test]
fn routes_point_to_the_service() {
    let objects = case("gateway");
    let route = &objects::object(objects, "HTTPRoute", "web")["spec"];
    assert_eq!(route["parentRefs"], json!([{ "name": "web" }]));
    assert_eq!(route["hostnames"], json!(["app.example.org"]));
    let [all, redirect, slow] = route["rules"].as_array().unwrap().as_slice() else {
        panic!("{route}")
    };
    assert_eq!(all["backendRefs"], json!([{ "name": "web", "port": 80 }]));
    assert_eq!(all["timeouts"], json!({ "request": "10s", "backendRequest": "5s" }));
    assert_eq!(redirect.get("backendRefs"), None);
    assert_eq!(slow["timeouts"]["request"], "60s");
    let gateway = &objects::object(objects, "Gateway", "web")["spec"];
    assert_eq!(gateway["gatewayClassName"], "eg");
    assert_eq!(gateway["listeners"].as_array().unwrap().len(), 2);

    let weights = &objects::object(case("weights"), "HTTPRoute", "web")["spec"]["rules"];
    let backends = json!([
        { "name": "web", "port": 80, "weight": 90 },
        { "name": "app-next", "port": 80, "weight": 10 },
    ]);
    assert_eq!(*weights, json!([{ "backendRefs": backends }]));

    let ingress = &objects::object(case("ingress"), "Ingress", "web")["spec"];
    assert_eq!(ingress["rules"][0]["host"], "web.example.org");
    let backend = json!({ "service": { "name": "web", "port": { "name": "http" } } });
    for rule in ingress["rules"].as_array().unwrap() {
        for path in rule["http"]["paths"].as_array().unwrap() {
            assert_eq!(path["backend"], backend);
        }
    }
    assert_eq!(ingress["rules"][1].get("host"), None);
}

#[test]
fn network_policy_allows_listed_traffic_and_helm_test() {
    let spec = &objects::object(case("network"), "NetworkPolicy", "web")["spec"];
    assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
    let namespace = |name: &str| json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": name } } });
    let test = json!({ "podSelector": { "matchLabels": {
        "app.kubernetes.io/instance": "web", "app.kubernetes.io/component": "test" } } });
    let tcp = |port: u16| json!({ "port": port, "protocol": "TCP" });
    assert_eq!(
        spec["ingress"],
        json!([{
            "ports": [{ "port": "http", "protocol": "TCP" }],
            "from": [namespace("gateways"), namespace("monitoring"), test],
        }])
    );
    let dns = json!({ "ports": [{ "port": 53, "protocol": "UDP" }, tcp(53)],
        "to": [namespace("kube-system")] });
    let database =
        json!({ "ports": [tcp(5432)], "to": [{ "ipBlock": { "cidr": "10.0.0.0/16" } }] });
    assert_eq!(spec["egress"], json!([dns, database]));
}

#[test]
fn network_policy_denies_other_egress() {
    let ingress = json!({ "allowAll": true });
    let policy = json!({ "enabled": true, "ingress": ingress, "egress": { "dns": false } });
    let objects = rendered(json!({ "networkPolicy": policy }));
    let spec = &objects::object(&objects, "NetworkPolicy", "web")["spec"];
    assert!(spec["egress"].as_array().is_none_or(Vec::is_empty), "{spec}");
    assert_eq!(spec["ingress"], json!([{ "ports": [{ "port": "http", "protocol": "TCP" }] }]));
}

#[test]
fn network_policy_allows_the_port_of_a_sidecar() {
    let objects = case("sidecar");
    let service = &objects::object(objects, "Service", "web")["spec"];
    assert_eq!(service["ports"][0]["targetPort"], "proxy");
    assert_eq!(service["ports"][1]["name"], "admin");
    let policy = &objects::object(objects, "NetworkPolicy", "web")["spec"];
    let ports: Vec<_> = policy["ingress"][0]["ports"].as_array().unwrap().iter().collect();
    // Prometheus scrapes the app directly.
    assert_eq!([&ports[0]["port"], &ports[1]["port"]], ["proxy", "http"]);
    objects::object(objects, "ConfigMap", "web-proxy");
    objects::object(objects, "ConfigMap", "web-text");
}

#[test]
fn role_contains_listed_rules() {
    let objects = case("rights");
    assert_eq!(objects::rules(objects, "Role", "web"), ["/configmaps [app-flags]: get"]);
    let (subjects, role) = objects::binding(objects, "RoleBinding", "web");
    assert_eq!(role, "Role/web");
    let account = json!([{ "kind": "ServiceAccount", "name": "reader", "namespace": "demo" }]);
    assert_eq!(*subjects, account);
    assert!(objects::of_kind(case("default"), "Role").is_empty());
    let account = objects::object(case("default"), "ServiceAccount", "web");
    assert_eq!(account["automountServiceAccountToken"], false);
}
