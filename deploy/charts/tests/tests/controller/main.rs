//! Tests of the chart `mtk-controller`. Many apply to every values file in its `ci` and to
//! `deploy/install.yaml`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod crds;
mod flags;
mod install;
mod metrics;
mod peers;
mod pod;
mod readme;
mod rights;
mod roles;
mod services;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use chart_tests::{Chart, Helm, Render, chart, objects, parallel};
use serde_json::Value;

/// A set of objects to check.
struct Case {
    /// The name of the values file, or `install.yaml`.
    name: String,
    objects: Vec<Value>,
}

fn controller() -> Chart {
    Chart::named("mtk-controller")
}

/// The chart with its defaults, in `kube-system`.
fn render() -> Render {
    Render::chart(&controller()).release("mtk-controller").namespace("kube-system")
}

/// Renders these values with Helm 4. `matrix.rs` checks that Helm 3 renders the same.
fn rendered(values: Value) -> Vec<Value> {
    Helm::four().unwrap().template(&render().values(values)).unwrap()
}

/// Every values file of the chart, rendered once, and `deploy/install.yaml`.
fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let helm = Helm::four().unwrap();
        let mut cases = parallel::map(controller().values_files().unwrap(), |path| {
            let name = chart::name(&path).strip_suffix("-values.yaml").unwrap().to_owned();
            Case { name, objects: helm.template(&render().values_file(path)).unwrap() }
        });
        cases.push(Case { name: "install.yaml".to_owned(), objects: install_yaml() });
        cases
    });
    &CASES
}

fn case(name: &str) -> &'static [Value] {
    let found = cases().iter().find(|case| case.name == name);
    &found.unwrap_or_else(|| panic!("no {name}-values.yaml")).objects
}

fn install_yaml() -> Vec<Value> {
    objects::parse(&read("deploy/install.yaml")).unwrap()
}

/// A file of the repository.
fn read(path: impl AsRef<Path>) -> String {
    let path = chart::root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words of a list.
fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|word| word.as_str().unwrap()).collect()
}
