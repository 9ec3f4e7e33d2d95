//! The metrics by TLS, for clients that the API server authorizes.

use std::net::SocketAddr;

use e2e::cluster::{Cluster, NAMESPACE, SERVICE_ACCOUNT};
use http::Request;
use kube::{Client, Config};
use serde_json::{Value, json};

use crate::support::{Kind, key_secret, private};

/// The names of the roles that the chart renders for `metrics.authorization`.
const REVIEWS: &str = "metrics-authorization";
/// A test begins without the permission to create it.
pub(crate) const REVIEW: &str = "tokenreviews";
const READER: &str = "metrics-reader";

fn cluster_role(name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": name }, "rules": rules,
    })
}

fn bind(cluster: &Cluster, role: &str, account: &str) {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": format!("{role}-{account}") },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": NAMESPACE }],
    });
    cluster.apply(&binding).unwrap();
}

fn create_roles(cluster: &Cluster) {
    let reviews = json!([
        { "apiGroups": ["authentication.k8s.io"], "resources": [REVIEW], "verbs": ["create"] },
        { "apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"],
          "verbs": ["create"] },
    ]);
    cluster.apply(&cluster_role(REVIEWS, &reviews)).unwrap();
    let reader = json!([{ "nonResourceURLs": ["/metrics"], "verbs": ["get"] }]);
    cluster.apply(&cluster_role(READER, &reader)).unwrap();
    for name in ["scraper", "other"] {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": name, "namespace": NAMESPACE },
        });
        cluster.apply(&account).unwrap();
    }
}

/// The metrics, or the status of the refusal.
async fn scrape(address: SocketAddr, token: Option<&str>) -> Result<String, u16> {
    let mut config = Config::new(format!("https://{address}").parse().unwrap());
    config.accept_invalid_certs = true;
    config.auth_info.token = token.map(|token| token.to_owned().into());
    let client = Client::try_from(config).unwrap();
    let request = Request::get("/metrics").body(Vec::new()).unwrap();
    match client.request_text(request).await {
        Ok(text) => Ok(text),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn metrics_are_served_by_tls_to_those_who_may_read_them() {
    let private = private().await;
    let cluster = private.cluster();
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    create_roles(cluster);
    let token = |name| cluster.plane().access().service_account_token(NAMESPACE, name).unwrap();
    let (scraper, other) = (token("scraper"), token("other"));
    bind(cluster, READER, "scraper");

    let controller = cluster.controller(&["--metrics-secure", "--metrics-auth"]).unwrap();
    let address = controller.metrics_address().unwrap();
    controller.metrics_text().expect_err("there is no plain HTTP");
    assert_eq!(scrape(address, None).await.unwrap_err(), 401);
    assert_eq!(scrape(address, Some(&scraper)).await.unwrap_err(), 500, "it may not ask yet");
    assert!(
        controller.log().unwrap().contains("create a TokenReview"),
        "the log names the permission"
    );

    bind(cluster, REVIEWS, SERVICE_ACCOUNT);
    let answered = async || scrape(address, Some(&scraper)).await;
    while answered().await == Err(500) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(answered().await.unwrap().contains("mtk_controller_sealing_keys"));
    assert_eq!(scrape(address, Some(&other)).await.unwrap_err(), 403);
    assert_eq!(scrape(address, Some("invented")).await.unwrap_err(), 401);
    let reviews = || {
        let requests = cluster.requests().unwrap();
        requests.iter().filter(|request| request.resource == REVIEW).count()
    };
    let before = reviews();
    answered().await.unwrap();
    assert_eq!(reviews(), before, "the answer counts for a minute");
    let log = controller.log().unwrap();
    assert!(![&scraper, &other].into_iter().any(|token| log.contains(token)), "{log}");
}
