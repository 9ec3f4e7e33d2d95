//! The ServiceAccounts that stores read with, as the command in `docs/compatibility.md` lists them.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use e2e::programs;
use serde_json::{Value, json};

use super::support::{rig, store};
use crate::support::Kind;

const BEGIN: &str = "kubectl get secretstores,clustersecretstores";

#[tokio::test]
async fn command_of_the_documentation_lists_the_service_accounts_of_all_stores() {
    let (api, ns) = (rig().api().await, "external-accounts");
    api.namespace(ns).await;
    let with = |namespace: &str, name: &str, auth: Value| {
        let mut store = store(namespace, name, "SecretsManager");
        store["spec"]["controller"] = json!("nobody");
        store["spec"]["provider"]["aws"]["auth"] = auth;
        if namespace.is_empty() {
            store["metadata"].as_object_mut().unwrap().remove("namespace");
        }
        store
    };
    let account = |reference: Value| json!({ "jwt": { "serviceAccountRef": reference } });
    for (name, auth) in [
        ("one", account(json!({ "name": "reader" }))),
        ("same", account(json!({ "name": "reader" }))),
        ("pod", json!({})),
    ] {
        api.create(Kind::SecretStore, with(ns, name, auth)).await;
    }
    for (name, reference) in [
        ("accounts-named", json!({ "name": "central", "namespace": "external-central" })),
        ("accounts-referent", json!({ "name": "everywhere" })),
    ] {
        api.create(Kind::ClusterSecretStore, with("", name, account(reference))).await;
    }

    let page = fs::read_to_string(programs::repository("docs/compatibility.md")).unwrap();
    let command = page.split_once(BEGIN).expect("the page has the command").1;
    let command = format!("{BEGIN}{}", command.split_once("\n\n").unwrap().0);
    let bin = tempfile::tempdir().unwrap();
    let plane = rig().cluster.plane();
    symlink(plane.access().binary(), bin.path().join("kubectl")).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    let mut shell = Command::new("sh");
    shell.args(["-euc", &command]).env("PATH", path).env("HOME", bin.path());
    let output = shell.env("KUBECONFIG", plane.kubeconfig()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    // Other tests have stores too.
    let ours = ["external-accounts", "external-central", "everywhere"];
    let ours: Vec<_> =
        listed.lines().filter(|line| ours.iter().any(|name| line.contains(name))).collect();
    let expected = [
        "- {namespace: EACH-NAMESPACE, name: everywhere}",
        "- {namespace: external-accounts, name: reader}",
        "- {namespace: external-central, name: central}",
    ];
    assert_eq!(ours, expected, "{listed}");
}
