//! Tests of the chart `app`. The rules for Pods and selectors apply to every values file in its `ci`.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod aws;
mod metrics;
mod network;
mod notes;
mod old;
mod pods;
mod rollout;
mod scaling;
mod secrets;
mod selectors;
mod values;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use chart_tests::{Chart, Helm, Render, chart, objects, parallel};
use serde_json::Value;

/// A values file and its objects.
struct Case {
    name: String,
    objects: Vec<Value>,
}

fn app() -> Chart {
    Chart::named("app")
}

/// The release `web` in the namespace `demo`.
fn render() -> Render {
    Render::chart(&app()).release("web")
}

/// Renders these values with Helm 4. `matrix.rs` checks that Helm 3 renders the same.
fn rendered(values: Value) -> Vec<Value> {
    Helm::four().unwrap().template(&render().values(values)).unwrap()
}

/// The error of Helm 4 for these values.
fn refused(values: Value) -> String {
    Helm::four().unwrap().template(&render().values(values)).unwrap_err().to_string()
}

/// Every values file of the chart, rendered once.
fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let helm = Helm::four().unwrap();
        parallel::map(app().values_files().unwrap(), |path| {
            let name = chart::name(&path).strip_suffix("-values.yaml").unwrap().to_owned();
            Case { name, objects: helm.template(&render().values_file(path)).unwrap() }
        })
    });
    &CASES
}

fn case(name: &str) -> &'static [Value] {
    let found = cases().iter().find(|case| case.name == name);
    &found.unwrap_or_else(|| panic!("no {name}-values.yaml")).objects
}

/// The template of the app's Pods.
fn template(objects: &[Value]) -> &Value {
    &objects::of_kind(objects, "Deployment")[0]["spec"]["template"]
}

/// The app's container.
fn container(objects: &[Value]) -> &Value {
    objects::container(template(objects), "app")
}

/// The value of a variable that the chart sets.
fn variable<'o>(objects: &'o [Value], name: &str) -> Option<&'o str> {
    objects::variable(container(objects), name)?["value"].as_str()
}

/// A file of the chart.
fn read(path: impl AsRef<Path>) -> String {
    let path = app().directory().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A text with the length of a sealed item.
fn sealed() -> String {
    "A".repeat(724)
}
