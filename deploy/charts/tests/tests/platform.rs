//! The objects that the Terraform modules `gateway` and `lattice` install. The tests of the modules keep them
//! in files, and these tests check the files against the kinds of the controllers.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

use std::fs;
use std::path::{Path, PathBuf};

use chart_tests::kubeconform::Kubeconform;
use chart_tests::{Chart, Helm, Render, chart, objects};
use serde_json::{Value, json};

#[test]
fn objects_of_the_modules_are_valid() {
    for module in ["gateway", "lattice"] {
        let files = files(module);
        assert!(files.len() >= 2, "{module} has {files:?}");
        for file in files {
            let objects = read(&file);
            assert_eq!(problems(&objects), [""; 0], "{}", file.display());
        }
    }
}

#[test]
fn settings_that_the_controller_does_not_know_are_rejected() {
    let valid = read(&chart::root().join(path("gateway")).join("production.json"));
    for (kind, pointer, value) in [
        ("LoadBalancerConfiguration", "/spec/scheme", json!("public")),
        ("LoadBalancerConfiguration", "/spec/wafV2", json!({ "arn": "a" })),
        ("TargetGroupConfiguration", "/spec/defaultConfiguration/targetType", json!("pod")),
        ("Gateway", "/spec/listeners/0/allowedRoutes/namespaces/from", json!("None of them")),
        ("HTTPRoute", "/spec/rules/0/filters/0/requestRedirect/statusCode", json!(418)),
    ] {
        let mut changed = valid.clone();
        let place = changed.iter_mut().rfind(|object| object["kind"] == kind).unwrap();
        *place.pointer_mut(pointer).unwrap() = value;
        assert_eq!(problems(&changed).len(), 1, "{kind} {pointer}");
    }
}

/// An app cannot be served without TLS: its routes attach to no listener but the one for HTTPS.
#[test]
fn listener_without_tls_accepts_only_the_redirect() {
    for name in ["public.json", "production.json", "auto-mode.json"] {
        let all = read(&chart::root().join(path("gateway")).join(name));
        let gateway = objects::object(&all, "Gateway", "public");
        for listener in gateway["spec"]["listeners"].as_array().unwrap() {
            let from = &listener["allowedRoutes"]["namespaces"]["from"];
            let wanted = if listener["protocol"] == "HTTPS" { "Selector" } else { "Same" };
            assert_eq!(*from, wanted, "{name}: {listener}");
        }
        let routes = objects::of_kind(&all, "HTTPRoute");
        assert_eq!(routes.len(), 1, "{name}");
        for rule in routes[0]["spec"]["rules"].as_array().unwrap() {
            assert_eq!(rule.get("backendRefs"), None, "{name}");
        }
    }
}

/// The schemas of the charts accept the values in the settings of the environments.
#[test]
fn settings_of_the_environments_fit_the_charts() {
    for environment in ["aws-dev", "aws-prod"] {
        let file = chart::root().join("deploy/terraform/environments").join(environment);
        let settings = fs::read_to_string(file.join("settings.yaml")).unwrap();
        let settings = objects::parse(&settings).unwrap().remove(0);
        for (chart, values) in
            [("mtk-controller", &settings["controller"]), ("app", &settings["app"]["values"])]
        {
            assert!(values.is_object(), "{environment} has no values of {chart}");
            let render = Render::chart(&Chart::named(chart)).values(values.clone());
            Helm::four().unwrap().template(&render).unwrap();
        }
    }
}

/// The kinds of the Gateway API have one version, and no module brings its own copy of them.
#[test]
fn gateway_api_has_one_owner_and_one_version() {
    let mut versions = Vec::new();
    for directory in ["deploy/terraform", "deploy/gitops", "docs"] {
        for (path, text) in texts(&chart::root().join(directory)) {
            let owns = text.contains("kind: CustomResourceDefinition")
                && text.contains("group: gateway.networking.k8s.io");
            assert!(!owns, "{path} has kinds of the Gateway API");
            let lines = text.lines().filter(|line| line.contains("kubernetes-sigs/gateway-api"));
            versions.extend(lines.filter_map(|line| Some((path.clone(), version(line)?))));
        }
    }
    assert!(versions.len() >= 4, "{versions:?}");
    for (path, version) in versions {
        assert_eq!(version, "1.6.3", "{path}");
    }
}

/// The first text like `v1.2.3`, without the `v`.
fn version(line: &str) -> Option<String> {
    line.split('v').skip(1).find_map(|rest| {
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(rest.len());
        let version = rest[..end].trim_end_matches('.');
        (version.split('.').count() == 3).then(|| version.to_owned())
    })
}

fn texts(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.display().to_string(), text));
        }
    }
    found
}

fn path(module: &str) -> PathBuf {
    PathBuf::from("deploy/terraform/modules").join(module).join("tests/objects")
}

fn files(module: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(chart::root().join(path(module))).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn read(file: &PathBuf) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn problems(objects: &[Value]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let path = directory.path().join(format!("{number}.json"));
        fs::write(&path, object.to_string()).unwrap();
        files.push(path);
    }
    let (count, problems) = Kubeconform::new().unwrap().check(37, &files).unwrap();
    assert_eq!(count, files.len() as u64);
    problems
}
