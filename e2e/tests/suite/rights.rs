//! The controller has only the permissions that it uses.

use e2e::cluster::USER;

use crate::external::settings::WITHOUT_DELETE;
use crate::metrics;
use crate::support::{Kind, catch_up, private, sealed, shared};

#[tokio::test]
async fn controller_may_not_update_secrets_or_sealed_secrets() {
    for (verb, resource, answer) in [
        ("get", "secrets", "yes"),
        ("create", "secrets", "yes"),
        ("patch", "secrets", "yes"),
        ("update", "secrets", "no"),
        ("delete", "secrets", "no"),
        ("deletecollection", "secrets", "no"),
        ("patch", "sealedsecrets.bitnami.com/status", "yes"),
        ("patch", "sealedsecrets.bitnami.com", "no"),
        ("delete", "sealedsecrets.bitnami.com", "no"),
        ("update", "externalsecrets.external-secrets.io", "no"),
        ("update", "externalsecrets.external-secrets.io/finalizers", "yes"),
        ("get", "configmaps", "yes"),
        ("list", "configmaps", "no"),
        ("patch", "configmaps", "no"),
        ("create", "configmaps", "no"),
        ("create", "serviceaccounts/token", "no"),
        ("impersonate", "users", "no"),
    ] {
        let mut kubectl = shared().cluster.plane().kubectl();
        // kubectl would read the part after a slash as a name.
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        kubectl.args(["auth", "can-i", verb, resource, "--subresource", subresource]);
        kubectl.args(["--all-namespaces", "--as", USER]);
        let output = kubectl.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.trim(), answer, "{verb} {resource} {subresource}");
    }
}

#[tokio::test]
async fn no_request_is_forbidden() {
    let shared = shared();
    let api = shared.api().await;
    let ns = api.namespace("rights-used").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "2")])).await;
    catch_up(&api).await;
    let requests = shared.cluster.requests().unwrap();
    assert!(
        requests.iter().any(|r| r.namespace == ns && r.verb == "patch" && r.resource == "secrets")
    );
    // Requests of earlier tests on the other cluster count too, except in tests of missing permissions.
    let others = private().await.cluster().requests().unwrap();
    let forbidden: Vec<_> = requests
        .iter()
        .chain(&others)
        .filter(|request| {
            let is_granted_later = request.resource == metrics::REVIEW
                || WITHOUT_DELETE.contains(&request.namespace.as_str());
            request.code == 403 && !is_granted_later
        })
        .collect();
    assert!(forbidden.is_empty(), "{forbidden:?}");
}
