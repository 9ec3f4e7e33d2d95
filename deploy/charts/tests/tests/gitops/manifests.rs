//! All manifests are valid, and what they refer to exists.

use std::collections::BTreeSet;
use std::fs;

use chart_tests::kubeconform::Kubeconform;
use chart_tests::{objects, schemas};
use serde_json::Value;

use crate::repository::{files, read};
use crate::{ENVIRONMENTS, flux, items, template, text};

/// Strict: an unknown field is an error.
#[test]
fn manifests_are_valid_for_flux_argo_cd_and_kubernetes() {
    let directory = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    let mut write = |name: &str, objects: &[Value]| {
        let path = directory.path().join(format!("{}.json", name.replace('/', "-")));
        let texts: Vec<_> = objects.iter().map(Value::to_string).collect();
        fs::write(&path, texts.join("\n---\n")).unwrap();
        written.push(path);
        objects.len() as u64
    };
    let mut count = 0;
    for directory in ["argocd", "clusters"] {
        for path in files(&template().join(directory)) {
            let name = path.strip_prefix(template()).unwrap().to_str().unwrap().to_owned();
            count += write(&name, &read(&path));
        }
    }
    let mut built = vec!["infrastructure/controller/pi".to_owned()];
    for environment in ENVIRONMENTS {
        built.push(format!("apps/web/envs/{environment}"));
        built.push(format!("apps/web/envs/{environment}/manifests"));
    }
    for directory in built {
        count += write(&directory, &flux::build(&template().join(&directory)));
    }
    let minor = schemas::kubernetes_minors().unwrap().pop().unwrap();
    let (checked, problems) = Kubeconform::new().unwrap().check(minor, &written).unwrap();
    assert_eq!(problems, [""; 0]);
    assert_eq!(checked, count);
}

#[test]
fn every_kustomization_file_is_used() {
    let kustomizations: BTreeSet<_> = files(&template())
        .into_iter()
        .filter(|path| path.ends_with("kustomization.yaml"))
        .map(|path| path.parent().unwrap().to_owned())
        .collect();
    let mut used = BTreeSet::new();
    for environment in ENVIRONMENTS {
        for object in cluster(environment) {
            if let Some(path) = object["spec"]["path"].as_str() {
                used.insert(template().join(path.trim_start_matches("./")));
            }
        }
    }
    for directory in used.clone() {
        for resource in items(&read(&directory.join("kustomization.yaml"))[0]["resources"]) {
            let path = directory.join(text(resource)).canonicalize().unwrap();
            if path.is_dir() {
                used.insert(path);
            }
        }
    }
    assert_eq!(used, kustomizations);
}

/// The controller first, then secrets, then apps.
#[test]
fn kustomizations_of_a_cluster_depend_on_each_other_in_order() {
    for environment in ENVIRONMENTS {
        let objects = cluster(environment);
        let spec_of = |name: &str| objects::object(&objects, "Kustomization", name)["spec"].clone();
        let after = |name: &str| {
            let names = spec_of(name)["dependsOn"].clone();
            items(&names).iter().map(|other| text(&other["name"]).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(after("web"), ["web-secrets"]);
        let before = after("web-secrets");
        assert_eq!(before, if environment == "pi" { vec!["controller"] } else { vec![] });
        for name in before {
            // Without it, the sealed values in this repository would be lost.
            assert_eq!(spec_of(&name)["deletionPolicy"], "Orphan");
        }
        for object in objects::of_kind(&objects, "Kustomization") {
            let spec = &object["spec"];
            assert_eq!(spec["wait"], true);
            assert!(template().join(text(&spec["path"])).is_dir(), "{spec}");
            let source = &spec["sourceRef"];
            objects::object(&objects, text(&source["kind"]), text(&source["name"]));
        }
    }
}

/// Pods wait for the Secret that the chart names, and something creates it.
#[test]
fn manifests_create_the_secret_that_the_app_reads() {
    for environment in ENVIRONMENTS {
        let directory = template().join("apps/web/envs").join(environment);
        let manifests = flux::build(&directory.join("manifests"));
        let place = read(&directory.join("env.yaml")).remove(0);
        let kind = if environment == "pi" { "SealedSecret" } else { "ExternalSecret" };
        let source = objects::of_kind(&manifests, kind)[0];
        let app = flux::release(&directory);
        let deployment = objects::object(&app, "Deployment", "web");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        let read = items(&container["envFrom"]).iter().find(|from| from["secretRef"].is_object());
        assert_eq!(read.unwrap()["secretRef"]["name"], source["metadata"]["name"]);
        for object in manifests.iter().filter(|object| object["kind"] != "Namespace") {
            assert_eq!(object["metadata"]["namespace"], place["data"]["namespace"]);
        }
        assert_eq!(deployment["metadata"]["namespace"], place["data"]["namespace"]);
        assert!(objects::of_kind(&app, "Secret").is_empty());
    }
}

/// Terraform's platform layer owns these in AWS, and nothing here may be a second owner.
#[test]
fn repository_installs_no_gateway_and_no_load_balancer_controller() {
    for path in files(&template()) {
        let content = fs::read_to_string(&path).unwrap();
        for word in ["gateway-api", "aws-load-balancer-controller", "aws-gateway-controller"] {
            assert!(!content.contains(word), "{word} in {}", path.display());
        }
    }
}

/// All objects of a cluster's directory.
fn cluster(environment: &str) -> Vec<Value> {
    let paths = files(&template().join("clusters").join(environment));
    paths.iter().flat_map(|path| read(path)).collect()
}
