//! The exact permissions of every case.

use chart_tests::objects;
use serde_json::Value;

use crate::cases;

/// In each watched namespace. They contain no `update` or `delete` of Secrets and no permission to change
/// RBAC. Of other objects the controller reads only templates in ConfigMaps.
const WATCHED: [&str; 10] = [
    "/configmaps: get",
    "/events: create",
    "/secrets: create, get, list, patch, watch",
    "bitnami.com/sealedsecrets/status: patch",
    "bitnami.com/sealedsecrets: get, list, watch",
    "external-secrets.io/externalsecrets/finalizers: update",
    "external-secrets.io/externalsecrets/status: patch",
    "external-secrets.io/externalsecrets: get, list, patch, watch",
    "external-secrets.io/secretstores/status: patch",
    "external-secrets.io/secretstores: list, watch",
];
/// Additional permissions if the whole cluster is watched.
const CLUSTER: [&str; 13] = [
    WATCHED[0],
    WATCHED[1],
    "/namespaces: list, watch",
    WATCHED[2],
    WATCHED[3],
    WATCHED[4],
    "external-secrets.io/clustersecretstores/status: patch",
    "external-secrets.io/clustersecretstores: list, watch",
    WATCHED[5],
    WATCHED[6],
    WATCHED[7],
    WATCHED[8],
    WATCHED[9],
];
/// Permissions for restarts.
const RESTART: [&str; 5] = [
    "apps/daemonsets: get, list, patch, watch",
    "apps/deployments: get, list, patch, watch",
    "apps/statefulsets: get, list, patch, watch",
    "argoproj.io/rollouts: get, list, patch, watch",
    "flagger.app/canaries: get, list, watch",
];

const REVIEWS: [&str; 2] = [
    "authentication.k8s.io/tokenreviews: create",
    "authorization.k8s.io/subjectaccessreviews: create",
];

/// A role and its subject.
#[derive(Clone)]
struct Grant {
    kind: &'static str,
    /// Empty for a `ClusterRole`.
    namespace: &'static str,
    name: &'static str,
    rules: Vec<String>,
    /// `KIND NAME`, with the namespace before the name of an account. Empty without a binding.
    subject: &'static str,
}

#[test]
fn cases_grant_exactly_these_permissions() {
    for case in cases() {
        let given = granted(&case.objects);
        let mut grants = expected(&case.name);
        if !grants.is_empty() {
            grants.extend(certificate(&case.name));
        }
        let mut expected: Vec<_> = grants.iter().flat_map(Grant::lines).collect();
        expected.sort();
        assert_eq!(given, expected, "{}", case.name);
    }
}

/// All permissions of a case. A new values file needs an entry here.
fn expected(case: &str) -> Vec<Grant> {
    let system = "kube-system";
    match case {
        "default" | "install.yaml" | "monitoring" | "pod-monitor" | "own-alerts" | "openshift"
        | "network-closed" => vec![cluster("mtk-controller"), proxier(BOTH)],
        "beside-peer" => vec![cluster("mtk-controller"), proxier(&["mtk-controller"])],
        "network" => vec![cluster("mtk-controller"), proxier(&["kubeseal", "mtk-controller"])],
        "replicas" => {
            vec![cluster("mtk-controller"), proxier(BOTH), lease(system, "mtk-controller")]
        }
        "selectors" => selectors(),
        "leader-election" => {
            vec![cluster("mtk-controller"), proxier(BOTH), lease("sealing-keys", "our-lease")]
        }
        "secret-types" => {
            vec![cluster("mtk-controller"), Grant { subject: "", ..proxier(BOTH) }]
        }
        "restart" => vec![cluster("unsealer"), restart("unsealer-restart"), proxier(BOTH)],
        "namespaced" => vec![
            role(system, "mtk-controller"),
            role("team-a", "mtk-controller"),
            role("team-b", "mtk-controller"),
            proxier(BOTH),
        ],
        "additional-namespaces" => {
            vec![role(system, "unsealer"), role("team-a", "unsealer"), proxier(BOTH)]
        }
        "own-namespace" => vec![
            role(system, "mtk-controller"),
            Grant {
                kind: "Role",
                namespace: system,
                rules: lines(&RESTART),
                ..restart("mtk-controller-restart")
            },
            proxier(BOTH),
        ],
        // The key namespace counts as the controller's own, although its Pod runs elsewhere.
        "key-namespace" => vec![
            role("sealing-keys", "mtk-controller"),
            role("team-a", "mtk-controller"),
            proxier(BOTH),
        ],
        "peer" => vec![
            Grant {
                subject: "ServiceAccount sealing/sealing",
                ..cluster("sealed-secrets-controller")
            },
            Grant {
                namespace: "sealing",
                name: "sealed-secrets-controller-service-proxier",
                subject: "Group developers",
                ..proxier(&["sealed-secrets-controller"])
            },
        ],
        "pod" => vec![
            Grant { subject: "ServiceAccount kube-system/sealing", ..cluster("sealing") },
            Grant {
                name: "sealing-service-proxier",
                ..proxier(&["sealed-secrets-controller", "sealing"])
            },
        ],
        "aws" => vec![
            Grant { rules: with_delete(), ..cluster("mtk-controller") },
            Grant {
                kind: "Role",
                namespace: "team-a",
                rules: lines(&[
                    "/serviceaccounts [reader]: get",
                    "/serviceaccounts/token [reader]: create",
                ]),
                ..cluster("mtk-controller-token-reader")
            },
            proxier(BOTH),
        ],
        "all-accounts" => vec![cluster("mtk-controller"), cluster_tokens(), proxier(BOTH)],
        "all-accounts-namespaced" => vec![
            role(system, "mtk-controller"),
            role("team-a", "mtk-controller"),
            Grant { kind: "Role", namespace: system, ..cluster_tokens() },
            Grant { kind: "Role", namespace: "team-a", ..cluster_tokens() },
            proxier(BOTH),
        ],
        "sealed-alone" => {
            vec![Grant { rules: sealed_alone(), ..cluster("mtk-controller") }, proxier(BOTH)]
        }
        "secure-metrics" => [vec![cluster("mtk-controller"), proxier(BOTH)], metrics()].concat(),
        "no-rights" => vec![],
        other => panic!("add the permissions of {other} here"),
    }
}

const BOTH: &[&str] = &["mtk-controller", "sealed-secrets-controller"];

fn cluster(name: &'static str) -> Grant {
    let subject = "ServiceAccount kube-system/mtk-controller";
    Grant { kind: "ClusterRole", namespace: "", name, rules: lines(&CLUSTER), subject }
}

/// The price of `externalSecrets.serviceAccounts: ["*"]`: the controller can act as every ServiceAccount.
fn cluster_tokens() -> Grant {
    let rules = lines(&["/serviceaccounts/token: create", "/serviceaccounts: get"]);
    Grant { rules, ..cluster("mtk-controller-token") }
}

fn selectors() -> Vec<Grant> {
    let namespaces = lines(&["/namespaces: list, watch"]);
    vec![
        role("kube-system", "mtk-controller"),
        role("team-a", "mtk-controller"),
        Grant { rules: namespaces, ..cluster("mtk-controller-namespaces") },
        proxier(BOTH),
    ]
}

fn metrics() -> Vec<Grant> {
    let reader = cluster("mtk-controller-metrics-reader");
    vec![
        Grant { rules: lines(&REVIEWS), ..cluster("mtk-controller-metrics-authorization") },
        Grant { rules: lines(&["URL /metrics: get"]), subject: "", ..reader },
    ]
}

fn restart(name: &'static str) -> Grant {
    Grant { rules: lines(&RESTART), ..cluster(name) }
}

fn role(namespace: &'static str, name: &'static str) -> Grant {
    Grant { kind: "Role", namespace, rules: lines(&WATCHED), ..cluster(name) }
}

/// Every authenticated user may get the certificate through these Services only.
fn proxier(services: &[&str]) -> Grant {
    let mut proxied: Vec<_> = services
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("http:{name}:"), format!("http:{name}:http")])
        .collect();
    proxied.sort();
    Grant {
        kind: "Role",
        namespace: "kube-system",
        name: "mtk-controller-service-proxier",
        rules: vec![
            format!("/services [{}]: get", services.join(", ")),
            format!("/services/proxy [{}]: create, get", proxied.join(", ")),
        ],
        subject: "Group system:authenticated",
    }
}

/// For leader election. RBAC cannot limit a creation by name.
fn lease(namespace: &'static str, lease: &str) -> Grant {
    let rules = vec![
        format!("coordination.k8s.io/leases [{lease}]: get, update"),
        "coordination.k8s.io/leases: create".to_owned(),
    ];
    Grant { rules, ..role(namespace, "mtk-controller-leader-election") }
}

/// The controller writes one ConfigMap, which every authenticated user may read.
fn certificate(case: &str) -> [Grant; 2] {
    let controller = "ServiceAccount kube-system/mtk-controller";
    let (namespace, name, reader, subject) = match case {
        "key-namespace" | "leader-election" => (
            "sealing-keys",
            "mtk-controller-certificate",
            "mtk-controller-certificate-reader",
            controller,
        ),
        "peer" => (
            "sealing",
            "sealed-secrets-controller-certificate",
            "sealed-secrets-controller-certificate-reader",
            "ServiceAccount sealing/sealing",
        ),
        "pod" => (
            "kube-system",
            "sealing-certificate",
            "sealing-certificate-reader",
            "ServiceAccount kube-system/sealing",
        ),
        _ => (
            "kube-system",
            "mtk-controller-certificate",
            "mtk-controller-certificate-reader",
            controller,
        ),
    };
    let rules = |verbs: &str| vec![format!("/configmaps [{name}]: {verbs}")];
    let writer =
        Grant { kind: "Role", namespace, name, rules: rules("create, get, patch"), subject };
    let subject = "Group system:authenticated";
    [writer, Grant { kind: "Role", namespace, name: reader, rules: rules("get"), subject }]
}

/// With `externalSecrets.allowDelete`.
fn with_delete() -> Vec<String> {
    let mut rules = lines(&CLUSTER);
    rules.push("/secrets: delete".to_owned());
    rules.sort();
    rules
}

/// With `externalSecrets.enabled=false`.
fn sealed_alone() -> Vec<String> {
    let of_theirs =
        |rule: &&str| rule.starts_with("external-secrets.io") || rule.contains("config");
    let rules: Vec<_> = CLUSTER.into_iter().filter(|rule| !of_theirs(rule)).collect();
    lines(&rules)
}

fn lines(rules: &[&str]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}

impl Grant {
    /// The role and its binding, in the format of [`granted`].
    fn lines(&self) -> Vec<String> {
        let (kind, name) = (self.kind, place(self.namespace, self.name));
        let mut lines = vec![format!("{kind} {name}: {}", self.rules.join("; "))];
        if !self.subject.is_empty() {
            lines.push(format!("{kind}Binding {name}: {kind} {} to {}", self.name, self.subject));
        }
        lines
    }
}

/// All RBAC objects as sorted lines.
fn granted(objects: &[Value]) -> Vec<String> {
    let about = |object: &&Value| {
        object["apiVersion"].as_str().unwrap().starts_with("rbac.")
            || object["kind"].as_str().unwrap().contains("Role")
    };
    let mut lines: Vec<_> = objects.iter().filter(about).map(line).collect();
    lines.sort();
    lines
}

fn line(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    let place = place(&text(&object["metadata"]["namespace"]), &name);
    let alone = [object.clone()];
    if kind.ends_with("Role") {
        return format!("{kind} {place}: {}", objects::rules(&alone, &kind, &name).join("; "));
    }
    let (subjects, role) = objects::binding(&alone, &kind, &name);
    let subjects: Vec<_> = subjects
        .as_array()
        .unwrap()
        .iter()
        .map(|subject| {
            let name = self::place(&text(&subject["namespace"]), &text(&subject["name"]));
            format!("{} {name}", text(&subject["kind"]))
        })
        .collect();
    format!("{kind} {place}: {} to {}", role.replace('/', " "), subjects.join(", "))
}

fn place(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}
