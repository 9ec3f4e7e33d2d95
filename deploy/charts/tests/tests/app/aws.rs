//! Load balancers, target groups, routes for gRPC and policies of VPC Lattice in AWS.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, rendered};

#[test]
fn gateway_refers_to_the_settings_of_its_load_balancer() {
    let objects = case("alb");
    let gateway = &objects::object(objects, "Gateway", "web")["spec"];
    let reference = json!({ "group": "gateway.k8s.aws", "kind": "LoadBalancerConfiguration",
                            "name": "web" });
    assert_eq!(gateway["infrastructure"]["parametersRef"], reference);
    let settings = &objects::object(objects, "LoadBalancerConfiguration", "web")["spec"];
    assert_eq!(settings["scheme"], "internet-facing");
    assert_eq!(settings["mergingMode"], "prefer-gateway");
    let listener = &settings["listenerConfigurations"][0];
    assert_eq!(listener["protocolPort"], "HTTPS:443");
    assert_eq!(listener["sslPolicy"], "ELBSecurityPolicy-TLS13-1-2-Res-2021-06");
    assert_eq!(
        listener["defaultCertificate"],
        "arn:aws:acm:eu-central-1:111122223333:certificate/a1b2"
    );
    let acl = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/web/a1b2";
    assert_eq!(settings["wafV2"]["webACL"], acl);
    assert_eq!(settings["sourceRanges"], json!(["192.0.2.0/24"]));
    let attributes = json!([
        { "key": "idle_timeout.timeout_seconds", "value": "120" },
        { "key": "routing.http.drop_invalid_header_fields.enabled", "value": "true" },
    ]);
    assert_eq!(settings["loadBalancerAttributes"], attributes);
}

#[test]
fn load_balancer_is_internal_by_default() {
    let gateway = json!({ "enabled": true, "className": "aws-alb" });
    let alb = json!({ "enabled": true, "loadBalancerConfiguration": { "enabled": true } });
    let objects = rendered(json!({ "gateway": gateway, "alb": alb }));
    let settings = &objects::object(&objects, "LoadBalancerConfiguration", "web")["spec"];
    assert_eq!(settings["scheme"], "internal");
    assert_eq!(settings.get("listenerConfigurations"), None);
}

/// The block of a Service replaces the Gateway's default as a whole.
#[test]
fn target_group_has_a_complete_configuration() {
    let target = objects::object(case("alb-platform"), "TargetGroupConfiguration", "web");
    let target = &target["spec"];
    let reference = json!({ "group": "", "kind": "Service", "name": "web" });
    assert_eq!(target["targetReference"], reference);
    let own = &target["defaultConfiguration"];
    assert_eq!(own["targetType"], "ip");
    assert_eq!(own["healthCheckConfig"]["healthCheckPath"], "/readyz");
    assert_eq!(own["healthCheckConfig"]["healthCheckInterval"], 15);
    let delay = json!([{ "key": "deregistration_delay.timeout_seconds", "value": "20" }]);
    assert_eq!(own["targetGroupAttributes"], delay);
    assert!(objects::of_kind(case("alb-platform"), "Gateway").is_empty());
}

#[test]
fn grpc_route_points_to_its_port() {
    let route = objects::object(case("grpc"), "GRPCRoute", "web");
    assert_eq!(route["metadata"]["labels"]["team"], "web");
    let spec = &route["spec"];
    assert_eq!(spec["hostnames"], json!(["grpc.example.org"]));
    assert_eq!(spec["parentRefs"][0]["sectionName"], "https");
    assert_eq!(spec["parentRefs"][1]["sectionName"], "grpc");
    let rule = &spec["rules"][0];
    assert_eq!(rule["matches"][0]["method"]["service"], "app.v1.App");
    assert_eq!(rule["backendRefs"], json!([{ "name": "web", "port": 9000 }]));
    let plain = json!({ "enabled": true, "parentRefs": [{ "name": "public" }] });
    let objects = rendered(json!({ "grpcRoute": plain }));
    let rules = &objects::object(&objects, "GRPCRoute", "web")["spec"]["rules"];
    assert_eq!(*rules, json!([{ "backendRefs": [{ "name": "web", "port": 80 }] }]));
}

#[test]
fn lattice_policies_are_rendered() {
    let objects = case("lattice");
    let group = &objects::object(objects, "TargetGroupPolicy", "web")["spec"];
    assert_eq!(group["targetRef"], json!({ "group": "", "kind": "Service", "name": "web" }));
    assert_eq!(group["healthCheck"]["path"], "/readyz");
    let route = json!({ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "web" });
    let iam = &objects::object(objects, "IAMAuthPolicy", "web")["spec"];
    assert_eq!(iam["targetRef"], route);
    let policy: Value = serde_json::from_str(iam["policy"].as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Action"], "vpc-lattice-svcs:Invoke");
    let logs = &objects::object(objects, "AccessLogPolicy", "web")["spec"];
    assert_eq!(logs["targetRef"], route);
    let group = "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/vpclattice/web:*";
    assert_eq!(logs["destinationArn"], group);
}

/// Pods see requests of Lattice from these two ranges only.
#[test]
fn network_policy_lets_in_both_ranges_of_lattice_and_nothing_else() {
    let values = json!({ "networkPolicy": { "enabled": true, "ingress": { "lattice": true } },
                         "tests": { "enabled": false } });
    let objects = rendered(values);
    let spec = &objects::object(&objects, "NetworkPolicy", "web")["spec"];
    let block = |cidr: &str| json!({ "ipBlock": { "cidr": cidr } });
    assert_eq!(
        spec["ingress"],
        json!([{
            "ports": [{ "port": "http", "protocol": "TCP" }],
            "from": [block("169.254.171.0/24"), block("fd00:ec2:80::/64")],
        }])
    );
}

#[test]
fn policy_over_the_size_limit_is_rejected() {
    let roles: Vec<_> =
        (0..300).map(|number| format!("arn:aws:iam::111122223333:role/{number}")).collect();
    let statement = json!({ "Effect": "Allow", "Principal": { "AWS": roles },
                            "Action": "vpc-lattice-svcs:Invoke", "Resource": "*" });
    let policy = json!({ "enabled": true, "targetName": "services",
                         "policy": { "Statement": [statement] } });
    let error = crate::refused(json!({ "lattice": { "iamAuthPolicy": policy } }));
    assert!(error.contains("longer than 10 KB"), "{error}");
}

#[test]
fn policy_for_everyone_with_a_condition_is_accepted() {
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Resource": "*",
        "Action": "vpc-lattice-svcs:Invoke",
        "Condition": { "StringEquals": { "aws:PrincipalAccount": "111122223333" } } });
    let policy = json!({ "enabled": true, "targetKind": "Gateway", "targetName": "services",
                         "policy": { "Statement": [statement] } });
    let objects = rendered(json!({ "lattice": { "iamAuthPolicy": policy } }));
    let target = &objects::object(&objects, "IAMAuthPolicy", "web")["spec"]["targetRef"];
    assert_eq!([&target["kind"], &target["name"]], ["Gateway", "services"]);
}
