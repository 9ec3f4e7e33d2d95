//! Applications as Argo CD creates and renders them, and the limits of its projects.

use std::path::Path;

use chart_tests::{Chart, Helm, Render, objects};
use serde_json::{Value, json};

use crate::flux;
use crate::repository::{files, read};
use crate::{ENVIRONMENTS, items, template, text};

/// Flux and Argo CD read the same values in the same order.
#[test]
fn flux_and_argo_cd_render_the_same_objects() {
    let applications = applications(&template());
    assert_eq!(applications.len(), ENVIRONMENTS.len());
    for (application, environment) in applications {
        let from_flux = sorted(flux::release(&template().join(&environment)));
        assert_eq!(sorted(render(&application, &template())), from_flux, "{environment}");
    }
    let controller = objects_in("apps.yaml").remove(0);
    let from_flux = sorted(flux::release(&template().join("infrastructure/controller/pi")));
    assert_eq!(sorted(render(&controller, &template())), from_flux);
}

#[test]
fn secrets_come_before_the_app() {
    let wave = |object: &Value| {
        let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
        wave.as_str().map_or(0, |wave| wave.parse::<i32>().unwrap())
    };
    for (_, environment) in applications(&template()) {
        let manifests = flux::build(&template().join(environment).join("manifests"));
        for object in &manifests {
            let expected = match text(&object["kind"]) {
                "Namespace" | "SecretStore" => -2,
                _ => -1,
            };
            assert_eq!(wave(object), expected, "{}", objects::name(object));
        }
    }
    assert_eq!(wave(&objects_in("apps.yaml")[0]), -20);
}

/// Managed Argo CD runs no script and no plug-in, and knows clusters by other addresses.
#[test]
fn manifests_hold_for_the_managed_variant() {
    for path in files(&template().join("argocd")) {
        let content = std::fs::read_to_string(&path).unwrap().to_lowercase();
        for word in ["lua", "plugin", "server:", "finalizers", "argocd-cm"] {
            assert!(!content.contains(word), "{word} in {}", path.display());
        }
    }
    for (application, _) in applications(&template()) {
        let destination = &application["spec"]["destination"];
        assert!(destination["name"].is_string() && destination.get("server").is_none());
    }
}

#[test]
fn project_admits_every_application_and_no_secret() {
    let projects = objects_in("projects.yaml");
    let mut applications = applications(&template());
    applications.push((objects_in("apps.yaml").remove(0), String::new()));
    for (application, environment) in applications {
        let spec = &application["spec"];
        let project = objects::object(&projects, "AppProject", text(&spec["project"]));
        for source in items(&spec["sources"]) {
            assert!(items(&project["spec"]["sourceRepos"]).contains(&source["repoURL"]));
        }
        let destination = &spec["destination"];
        assert!(items(&project["spec"]["destinations"]).contains(destination), "{destination}");
        let mut objects = render(&application, &template());
        if !environment.is_empty() {
            objects.extend(flux::build(&template().join(environment).join("manifests")));
        }
        for object in &objects {
            assert!(permits(project, object), "{}", objects::name(object));
        }
        for plaintext in ["data", "stringData"] {
            let secret = json!({ "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "a", "namespace": "demo" }, plaintext: { "a": "YQ==" } });
            assert!(!permits(project, &secret));
        }
    }
}

/// Argo CD's rule: of objects in a namespace all but those on the list, of others none but those.
fn permits(project: &Value, object: &Value) -> bool {
    let api_version = text(&object["apiVersion"]);
    let group = api_version.rsplit_once('/').map_or("", |parts| parts.0);
    let is = |entry: &Value| {
        let fits = |pattern: &Value, text: &Value| pattern == "*" || pattern == text;
        fits(&entry["group"], &json!(group)) && fits(&entry["kind"], &object["kind"])
    };
    let listed = |list: &str| items(&project["spec"][list]).iter().any(is);
    let cluster_wide =
        ["ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace"];
    if cluster_wide.contains(&text(&object["kind"])) {
        listed("clusterResourceWhitelist")
    } else {
        assert_eq!(project["spec"].get("namespaceResourceWhitelist"), None);
        !listed("namespaceResourceBlacklist")
    }
}

/// The Applications of the `ApplicationSet`, each with the directory of its environment.
pub(crate) fn applications(repository: &Path) -> Vec<(Value, String)> {
    let set = read(&repository.join("argocd/appsets.yaml")).remove(0);
    let wanted = text(&set["spec"]["generators"][0]["git"]["files"][0]["path"]).to_owned();
    assert_eq!(wanted, "apps/*/envs/*/env.yaml");
    let places = files(&repository.join("apps"));
    let places = places.iter().filter(|path| path.ends_with("env.yaml"));
    let application = |path: &std::path::PathBuf| {
        let directory = path.parent().unwrap().strip_prefix(repository).unwrap();
        let directory = directory.to_str().unwrap().to_owned();
        let place = read(path).remove(0);
        let mut rendered = set["spec"]["template"].to_string();
        for (name, value) in place["data"].as_object().unwrap() {
            rendered = rendered.replace(&format!("{{{{ .data.{name} }}}}"), text(value));
        }
        rendered = rendered.replace("{{ .path.path }}", &directory);
        assert!(!rendered.contains("{{"), "missing in {}: {rendered}", path.display());
        (serde_json::from_str(&rendered).unwrap(), directory)
    };
    places.map(application).collect()
}

/// The objects of an Application's chart.
pub(crate) fn render(application: &Value, repository: &Path) -> Vec<Value> {
    let spec = &application["spec"];
    let sources = items(&spec["sources"]);
    let source = sources.iter().find(|source| source["chart"].is_string()).unwrap();
    let mut render = Render::chart(&Chart::named(text(&source["chart"])))
        .release(text(&source["helm"]["releaseName"]))
        .namespace(text(&spec["destination"]["namespace"]));
    for file in items(&source["helm"]["valueFiles"]) {
        render = render.values_file(repository.join(text(file).strip_prefix("$values/").unwrap()));
    }
    Helm::four().unwrap().template(&render).unwrap()
}

fn objects_in(file: &str) -> Vec<Value> {
    read(&template().join("argocd").join(file))
}

fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    objects.sort_by_key(objects::name);
    objects
}
