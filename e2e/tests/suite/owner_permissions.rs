//! A cluster with the admission plug-in `OwnerReferencesPermissionEnforcement`, as in OKD. To block the
//! deletion of an owner, a client needs `update` on the owner's finalizers.

use e2e::aws::Aws;
use e2e::cluster::{Cluster, NAMESPACE, allow_delete};
use e2e::controlplane::StartOptions;
use serde_json::json;

use crate::external::support::{external, force, secret, stores, value, wait_ready, wait_value};
use crate::support::{Api, Kind, condition, key_secret, sealed};

#[tokio::test]
async fn secrets_get_their_owners_where_admission_checks_owner_references() {
    let options = StartOptions {
        admission_plugins: &["OwnerReferencesPermissionEnforcement"],
        audit: true,
        ..StartOptions::default()
    };
    let (cluster, aws) = (Cluster::start_with(&options).unwrap(), Aws::start().unwrap());
    cluster.apply(&key_secret(NAMESPACE, "rsa2048")).unwrap();
    let api = Api::of(&cluster).await;
    let ns = "owner-permissions";
    secret(&aws, "owner-permissions/a", "1", &[]).await;
    stores(&api, ns).await;
    let _controller = cluster.controller_with(&aws, &[]).unwrap();

    api.apply(Kind::SealedSecret, &sealed(ns, "sealed", &[("A", "1")])).await;
    wait_value(&api, ns, "sealed", "A", "1").await;
    api.create(Kind::ExternalSecret, external(ns, "made", &[("A", "owner-permissions/a")])).await;
    wait_value(&api, ns, "made", "A", "1").await;
    for (name, kind) in [("sealed", "SealedSecret"), ("made", "ExternalSecret")] {
        let owners = &api.secret(ns, name).await.unwrap()["metadata"]["ownerReferences"];
        assert_eq!(owners[0]["kind"], kind, "{owners}");
    }

    // For an owner of an existing Secret, the plug-in also requires `delete` on Secrets.
    let theirs =
        json!({ "metadata": { "namespace": ns, "name": "theirs" }, "data": { "own": "MQ==" } });
    api.create(Kind::Secret, theirs).await;
    api.create(Kind::ExternalSecret, external(ns, "theirs", &[("A", "owner-permissions/a")])).await;
    let refused = wait_ready(&api, ns, "theirs", "False").await;
    let explained = condition(&refused, "Explained").unwrap();
    assert_eq!(explained["reason"], "AccessDenied");
    let message = explained["message"].as_str().unwrap();
    assert!(message.contains("externalSecrets.allowDelete"), "{message}");
    assert_eq!(value(&api.secret(ns, "theirs").await.unwrap(), "own").as_deref(), Some("1"));
    allow_delete(cluster.plane().access()).unwrap();
    force(&api, ns, "theirs").await;
    wait_value(&api, ns, "theirs", "A", "1").await;
}
