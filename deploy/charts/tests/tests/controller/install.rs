//! `deploy/install.yaml` is rendered from the chart.

use chart_tests::{Helm, objects};

use crate::{install_yaml, render};

const STALE: &str = "deploy/install.yaml is stale\nhint: run `cargo xtask manifests`";

#[test]
fn install_yaml_is_rendered_from_the_chart() {
    for helm in Helm::both().unwrap() {
        let mut rendered = helm.template(&render()).unwrap();
        let mut committed = install_yaml();
        rendered.sort_by_key(objects::name);
        committed.sort_by_key(objects::name);
        let names = objects::names(&rendered);
        assert_eq!(objects::names(&committed), names, "{STALE}");
        for (rendered, committed) in rendered.iter().zip(&committed) {
            let name = objects::name(rendered);
            assert_eq!(committed, rendered, "{name}: {STALE}");
        }
    }
}

/// `kubectl apply` needs no `-n`.
#[test]
fn objects_of_install_yaml_have_a_namespace() {
    for object in install_yaml() {
        let of_cluster = ["CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"];
        let kind = object["kind"].as_str().unwrap();
        let namespace = &object["metadata"]["namespace"];
        if of_cluster.contains(&kind) {
            assert!(namespace.is_null(), "{kind}");
        } else {
            assert_eq!(namespace, "kube-system", "{kind}");
        }
    }
}
