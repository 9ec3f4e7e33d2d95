//! The controller's flags. Every rendered flag exists and has the configured value.

use std::collections::BTreeSet;

use chart_tests::objects;
use serde_json::{Value, json};

use crate::{case, cases, read, rendered, words};

const ALWAYS: [&str; 6] = [
    "--listen-addr=:8080",
    "--listen-metrics-addr=:8081",
    "--key-prefix=sealed-secrets-key",
    "--certificate-config-map=mtk-controller-certificate",
    "--log-format=json",
    "--log-level-file=/etc/mtk-controller/log/level",
];

#[test]
fn default_flags_are_minimal() {
    assert_eq!(flags(case("default")), ALWAYS);
}

#[test]
fn watched_namespaces_match_the_permissions() {
    let more = |case_: &str| flags(case(case_))[ALWAYS.len()..].to_vec();
    assert_eq!(
        more("namespaced"),
        ["--all-namespaces=false", "--additional-namespaces=team-a,team-b"]
    );
    assert_eq!(
        more("additional-namespaces"),
        ["--all-namespaces=false", "--additional-namespaces=team-a"]
    );
    assert_eq!(more("own-namespace"), ["--all-namespaces=false", "--restart-workloads"]);
    assert_eq!(
        more("restart"),
        ["--restart-workloads", "--restart-delay=5s", "--restart-min-interval=10m"]
    );
}

#[test]
fn selectors_are_flags() {
    let flags = flags(case("selectors"));
    for flag in ["--label-selector=tier in (web,db)", "--namespace-selector=sealing=on"] {
        assert!(flags.iter().any(|one| one == flag), "{flags:?}");
    }
}

#[test]
fn several_replicas_elect_a_leader() {
    let more = |name: &str| {
        let flags = flags(case(name));
        flags.into_iter().filter(|flag| flag.starts_with("--leader")).collect::<Vec<_>>()
    };
    assert_eq!(more("replicas"), ["--leader-elect", "--leader-election-id=mtk-controller"]);
    assert_eq!(
        more("leader-election"),
        [
            "--leader-elect",
            "--leader-election-id=our-lease",
            "--leader-election-lease-duration=15s",
            "--leader-election-renew-deadline=10s",
            "--leader-election-retry-period=2s",
        ]
    );
}

#[test]
fn values_set_their_flags() {
    assert_eq!(
        flags(case("key-namespace")),
        [
            "--listen-addr=:8080",
            "--listen-metrics-addr=:8081",
            "--key-prefix=our-key",
            "--certificate-config-map=mtk-controller-certificate",
            "--key-size=3072",
            "--key-ttl=8760h00m00s",
            "--log-format=json",
            "--log-level-file=/etc/mtk-controller/log/level",
            "--my-cn=sealing.example.org",
            "--namespace=sealing-keys",
            "--all-namespaces=false",
            "--additional-namespaces=team-a",
        ]
    );
    let values = json!({
        "listenHost": "[::]", "containerPorts": { "http": 9080, "metrics": 9081 },
        "logLevel": "", "logFormat": "", "workers": 1024, "resyncPeriod": "30m",
        "acceptDeprecatedV1Data": false, "copyToolMetadata": true,
        "metrics": { "omitSecretLabels": true },
        "allowedSecretTypes": ["a/b", "c/d"], "extraArgs": ["--kubeconfig=/c"],
    });
    assert_eq!(
        flags(&rendered(values)),
        [
            "--listen-addr=[::]:9080",
            "--listen-metrics-addr=[::]:9081",
            "--key-prefix=sealed-secrets-key",
            "--allow-secret-type=a/b,c/d",
            "--certificate-config-map=mtk-controller-certificate",
            "--resync-period=30m",
            "--workers=1024",
            "--accept-deprecated-v1-data=false",
            "--copy-tool-metadata",
            "--metrics-omit-secret-labels=true",
            "--kubeconfig=/c",
        ]
    );
}

/// As in the chart sealed-secrets.
#[test]
fn values_about_keys_and_limits_set_their_flags() {
    let values = json!({
        "keyrenewperiod": 0, "keycutofftime": "Mon, 14 Oct 2024 21:45:30 +0200",
        "keyOrderPriority": "SecretCreationTimestamp", "createFirstKey": false,
        "privateKeyLabels": { "b": "2", "a": "1" }, "privateKeyAnnotations": { "x/y": "z=1" },
        "rateLimit": "5", "rateLimitBurst": 0, "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
        "certificateConfigMap": { "enabled": false },
    });
    assert_eq!(
        flags(&rendered(values)),
        [
            "--listen-addr=:8080",
            "--listen-metrics-addr=:8081",
            "--key-prefix=sealed-secrets-key",
            "--key-cutoff-time=Mon, 14 Oct 2024 21:45:30 +0200",
            "--key-order-priority=SecretCreationTimestamp",
            "--key-renew-period=0",
            "--log-format=json",
            "--log-level-file=/etc/mtk-controller/log/level",
            "--privatekey-annotations=x/y=z=1",
            "--privatekey-labels=a=1,b=2",
            "--rate-limit=5",
            "--rate-limit-burst=0",
            "--trusted-proxies=10.0.0.0/8,fd00::/8",
            "--create-first-key=false",
        ]
    );
    let unset = rendered(json!({ "rateLimit": 0, "keyrenewperiod": "" }));
    assert_eq!(flags(&unset), ALWAYS, "0 is Bitnami's default too");
}

/// Row 47 of docs/compatibility.md: External Secrets' chart calls some of them `controllerClass`,
/// `concurrent` and `storeRequeueInterval`.
#[test]
fn row_47_external_secrets_values_set_their_flags() {
    assert_eq!(
        flags(case("aws"))[ALWAYS.len()..],
        [
            "--copy-tool-metadata",
            "--aws-quota-percent=25",
            "--controller-class=mtk",
            "--external-workers=64",
            "--min-list-interval=1m",
            "--store-requeue-interval=10m",
            "--template-left-delimiter=[[",
            "--template-right-delimiter=]]",
            "--pod-identity=cluster-stores",
            "--ca-bundle=/etc/mtk-controller/ca/ca.crt",
            "--data-hash=false",
            "--copy-metadata=false",
            "--require-adopt-annotation",
        ]
    );
    assert_eq!(flags(case("sealed-alone"))[ALWAYS.len()..], ["--external-secrets=false"]);
    let [one, other] = ["https://sqs.eu-west-1.amazonaws.com/1/a", "http://localhost:4566/0/b"];
    let role = "arn:aws:iam::1:role/r";
    let queues = json!([{ "url": one }, { "url": other, "region": "eu-west-1", "role": role }]);
    let values = json!({ "externalSecrets": { "eventQueues": queues, "eventMaxSilence": "6h" } });
    assert_eq!(
        flags(&rendered(values))[ALWAYS.len()..],
        [
            "--event-max-silence=6h".to_owned(),
            format!("--event-queue={one}"),
            format!("--event-queue={other},region=eu-west-1,role={role}"),
        ]
    );
    let deployment = objects::of_kind(case("aws"), "Deployment")[0];
    let container = objects::container(&deployment["spec"]["template"], "controller");
    let variables = container["env"].as_array().unwrap();
    assert!(variables.contains(&json!({ "name": "AWS_REGION", "value": "eu-west-1" })));
    let account = objects::of_kind(case("aws"), "ServiceAccount")[0];
    let role = &account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"];
    assert_eq!(*role, "arn:aws:iam::111122223333:role/reader");
    let crds = objects::of_kind(case("aws"), "CustomResourceDefinition");
    let external =
        crds.iter().find(|crd| crd["spec"]["names"]["kind"] == "ExternalSecret").unwrap();
    let served = external["spec"]["versions"].as_array().unwrap().iter();
    let served: Vec<_> = served
        .filter(|version| version["served"] == true)
        .map(|version| version["name"].as_str().unwrap())
        .collect();
    assert_eq!(served, ["v1", "v1beta1"]);
}

/// In a values file, null removes the default. Otherwise flags would be `<nil>`, and switches would flip.
#[test]
fn null_means_the_default() {
    /// Kubernetes defines their fields, and null removes one.
    const OPEN: [&str; 6] = [
        "annotations",
        "containerSecurityContext",
        "labels",
        "nodeSelector",
        "podSecurityContext",
        "resources",
    ];
    fn nulls(values: &Value) -> Value {
        let Some(fields) = values.as_object().filter(|fields| !fields.is_empty()) else {
            return Value::Null;
        };
        let field = |(name, value): (&String, &Value)| {
            let is_open = OPEN.contains(&name.as_str());
            (name.clone(), if is_open { Value::Null } else { nulls(value) })
        };
        Value::Object(fields.iter().map(field).collect())
    }
    let default = objects::parse(&read("deploy/charts/mtk-controller/values.yaml")).unwrap();
    let default = default.into_iter().next().unwrap();
    let sections = default.as_object().unwrap().keys().map(|name| (name.clone(), Value::Null));
    for values in [nulls(&default), Value::Object(sections.collect())] {
        assert_eq!(rendered(values.clone()), rendered(json!({})), "{values}");
    }
    let map = json!({ "extraArgs": { "skip-recreate": null, "workers": 7 } });
    assert_eq!(flags(&rendered(map))[ALWAYS.len()..], ["--workers=7"]);
    let off = rendered(json!({ "updateStatus": false, "externalSecrets": { "dataHash": false } }));
    assert_eq!(flags(&off)[ALWAYS.len()..], ["--update-status=false", "--data-hash=false"]);
}

/// Helm gives templates no access to values.yaml.
#[test]
fn defaults_are_a_copy_of_the_values_file() {
    let chart = "deploy/charts/mtk-controller";
    let is_copy =
        read(format!("{chart}/values.yaml")) == read(format!("{chart}/files/defaults.yaml"));
    assert!(is_copy, "run `cargo xtask manifests`");
}

/// The controller exits on an unknown flag.
#[test]
fn cases_use_only_existing_flags() {
    let known = controller_flags();
    assert!(known.contains("listen-addr") && known.contains("key-size"), "{known:?}");
    for case in cases() {
        for flag in flags(&case.objects) {
            let name = flag.strip_prefix("--").unwrap();
            let name = name.split_once('=').map_or(name, |(name, _)| name);
            assert!(known.contains(name), "{}: the flag --{name} does not exist", case.name);
        }
    }
}

/// The flags of the controller: the fields after `#[arg(long` in its settings.
fn controller_flags() -> BTreeSet<String> {
    let files =
        ["config.rs", "config/http.rs", "config/keys.rs", "config/leader.rs", "config/metrics.rs"];
    let source = files.map(|file| read(format!("controller/src/{file}"))).concat();
    let fields = source.split("#[arg(long").skip(1).map(|rest| {
        let declared = rest.lines().map(str::trim).filter(|line| line.ends_with(','));
        let mut names = declared.filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
        let field = names.next().unwrap().rsplit(' ').next().unwrap();
        field.replace('_', "-")
    });
    let unused = read("controller/src/config/unused.rs");
    let unused = unused.split("long: \"").skip(1).filter_map(|rest| rest.split_once('"'));
    fields.chain(unused.map(|(name, _)| name.to_owned())).collect()
}

fn flags(objects: &[Value]) -> Vec<String> {
    let deployment = objects::of_kind(objects, "Deployment")[0];
    let container = objects::container(&deployment["spec"]["template"], "controller");
    words(&container["args"]).into_iter().map(ToOwned::to_owned).collect()
}
