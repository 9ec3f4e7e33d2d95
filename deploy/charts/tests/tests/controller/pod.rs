//! Security and settings of the Pods.

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, cases, rendered};

#[test]
fn pods_meet_profile_restricted() {
    for case in cases() {
        for (object, template) in objects::pod_templates(&case.objects) {
            let of = format!("{} {}", case.name, objects::name(object));
            let pod = &template["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{of}");
            assert_eq!(
                pod["securityContext"]["seccompProfile"],
                json!({ "type": "RuntimeDefault" }),
                "{of}"
            );
            // OpenShift assigns the users, and never root.
            let user = if case.name == "openshift" { Value::Null } else { json!(65532) };
            assert_eq!(pod["securityContext"]["runAsUser"], user, "{of}");
            assert_eq!(pod["enableServiceLinks"], false, "{of}");
            for denied in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
                assert_eq!(pod.get(denied), None, "{of}: {denied}");
            }
            let containers = objects::containers(template);
            assert_eq!(containers.len(), 1, "{of}");
            let context = &containers[0]["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{of}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{of}");
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{of}");
            assert_eq!(context.get("privileged"), None, "{of}");
            let memory = |what: &str| containers[0]["resources"][what]["memory"].clone();
            assert_eq!(memory("requests"), memory("limits"), "{of}: the node could swap it");
            assert!(memory("limits").is_string(), "{of}");
            let ports = containers[0]["ports"].as_array().into_iter().flatten();
            assert!(ports.clone().all(|port| port.get("hostPort").is_none()), "{of}");
        }
    }
}

#[test]
fn only_the_controller_has_a_token() {
    for case in cases() {
        for (object, template) in objects::pod_templates(&case.objects) {
            let is_controller = object["kind"] == "Deployment";
            let of = format!("{} {}", case.name, objects::name(object));
            assert_eq!(template["spec"]["automountServiceAccountToken"], is_controller, "{of}");
            let kinds = template["spec"]["volumes"].as_array().into_iter().flatten();
            let has_volume =
                ["pod", "aws", "all-accounts", "secure-metrics"].contains(&case.name.as_str());
            // With the log level.
            let expected = usize::from(has_volume && is_controller) + usize::from(is_controller);
            assert_eq!(kinds.count(), expected, "{of}");
        }
    }
}

#[test]
fn bundle_of_authorities_is_mounted_from_a_config_map_or_a_secret() {
    for (name, source) in [
        (
            "aws",
            json!({ "configMap": { "name": "trust", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } }),
        ),
        (
            "all-accounts",
            json!({ "secret": { "secretName": "proxy", "items": [{ "key": "root.pem", "path": "ca.crt" }] } }),
        ),
    ] {
        let deployment = objects::of_kind(case(name), "Deployment")[0];
        let pod = &deployment["spec"]["template"]["spec"];
        let mut volume = pod["volumes"][0].clone();
        assert_eq!(volume.as_object_mut().unwrap().remove("name").unwrap(), "ca-bundle");
        assert_eq!(volume, source);
        let mount =
            json!({ "name": "ca-bundle", "mountPath": "/etc/mtk-controller/ca", "readOnly": true });
        assert_eq!(pod["containers"][0]["volumeMounts"][0], mount);
    }
    let values = json!({ "externalSecrets": { "enabled": false, "caBundle": { "secret": "s" } } });
    let objects = rendered(values);
    let pod = &objects::of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"];
    assert!(!pod.to_string().contains("ca-bundle"), "{pod}");
}

/// Two controllers without leader election would work against each other.
#[test]
fn several_pods_run_only_with_leader_election() {
    for case in cases() {
        let deployments = objects::of_kind(&case.objects, "Deployment");
        assert_eq!(deployments.len(), 1, "{}", case.name);
        let spec = &deployments[0]["spec"];
        let replicas = match case.name.as_str() {
            "beside-peer" => 0,
            "replicas" => 2,
            "leader-election" => 3,
            _ => 1,
        };
        let elects = replicas > 1;
        assert_eq!(spec["replicas"], replicas, "{}", case.name);
        let strategy = json!({ "type": "Recreate" });
        let rolling = json!({ "type": "RollingUpdate",
                              "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 1 } });
        assert_eq!(spec["strategy"], if elects { rolling } else { strategy }, "{}", case.name);
        let args = spec["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
        assert_eq!(args.contains(&json!("--leader-elect")), elects, "{}", case.name);
        let budgets = objects::of_kind(&case.objects, "PodDisruptionBudget");
        assert_eq!(budgets.len(), usize::from(elects), "{}", case.name);
        assert!(objects::of_kind(&case.objects, "HorizontalPodAutoscaler").is_empty());
    }
}

#[test]
fn several_pods_are_spread_and_one_of_them_may_be_evicted() {
    let of = |name: &str| {
        let deployment = objects::object(case(name), "Deployment", "mtk-controller");
        let spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"].clone();
        let budget = objects::object(case(name), "PodDisruptionBudget", "mtk-controller");
        assert_eq!(budget["spec"]["selector"], deployment["spec"]["selector"]);
        (spread, budget["spec"].clone())
    };
    let (spread, budget) = of("replicas");
    let keys: Vec<_> =
        spread.as_array().unwrap().iter().map(|one| one["topologyKey"].as_str().unwrap()).collect();
    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    assert!(
        spread.as_array().unwrap().iter().all(|one| one["whenUnsatisfiable"] == "ScheduleAnyway")
    );
    assert_eq!((&budget["maxUnavailable"], budget.get("minAvailable")), (&json!(1), None));
    let (spread, budget) = of("leader-election");
    assert_eq!(spread[0]["whenUnsatisfiable"], "DoNotSchedule");
    assert_eq!((&budget["minAvailable"], budget.get("maxUnavailable")), (&json!("50%"), None));
}

#[test]
fn one_pod_may_have_leader_election_and_several_may_have_no_budget() {
    let one = rendered(json!({ "leaderElection": { "enabled": true } }));
    let deployment = objects::object(&one, "Deployment", "mtk-controller");
    assert_eq!(deployment["spec"]["strategy"]["type"], "RollingUpdate");
    assert!(objects::of_kind(&one, "PodDisruptionBudget").is_empty());
    let two = rendered(json!({ "replicaCount": 2, "pdb": { "create": false } }));
    assert!(objects::of_kind(&two, "PodDisruptionBudget").is_empty());
}

#[test]
fn new_chart_version_restarts_no_pods() {
    let objects = rendered(json!({ "commonLabels": { "team": "platform" } }));
    let deployment = objects::object(&objects, "Deployment", "mtk-controller");
    let labels = json!({
        "app.kubernetes.io/name": "mtk-controller",
        "app.kubernetes.io/instance": "mtk-controller",
    });
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], labels);
    let template = &deployment["spec"]["template"]["metadata"];
    assert_eq!(template["labels"].as_object().unwrap().len(), 3, "{template}");
    assert_eq!(template.get("annotations"), None);
}

#[test]
fn probes_check_liveness_and_readiness() {
    let objects = rendered(json!({}));
    let container = controller(&objects);
    assert_eq!(
        container["livenessProbe"]["httpGet"],
        json!({ "path": "/healthz", "port": "http" })
    );
    assert_eq!(
        container["readinessProbe"]["httpGet"],
        json!({ "path": "/readyz", "port": "http" })
    );
    assert_eq!(container.get("startupProbe"), None);
}

#[test]
fn image_reference_has_registry_tag_and_digest() {
    let image = |values: Value| {
        let objects = rendered(json!({ "image": values }));
        controller(&objects)["image"].as_str().unwrap().to_owned()
    };
    let digest = format!("sha256:{}", "0".repeat(64));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(image(json!({})), format!("localhost/mtk-controller:{version}"));
    assert_eq!(image(json!({ "tag": "x" })), "localhost/mtk-controller:x");
    assert_eq!(image(json!({ "digest": digest })), format!("localhost/mtk-controller@{digest}"));
    assert_eq!(image(json!({ "registry": "r:1" })), format!("r:1/mtk-controller:{version}"));
    assert_eq!(
        image(
            json!({ "registry": "r.example", "repository": "a/b", "tag": "x", "digest": digest })
        ),
        format!("r.example/a/b:x@{digest}")
    );
}

fn controller(objects: &[Value]) -> &Value {
    let deployment = objects::object(objects, "Deployment", "mtk-controller");
    objects::container(&deployment["spec"]["template"], "controller")
}
