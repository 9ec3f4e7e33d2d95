//! The chart `app`: what becomes of its values. Every values file in its `ci` is held to the rules
//! for all Pods and selectors.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

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

/// A values file, and what it renders to.
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

/// What Helm 4 makes of these values. The harness sees to it that Helm 3 makes the same.
fn rendered(values: Value) -> Vec<Value> {
    Helm::four().unwrap().template(&render().values(values)).unwrap()
}

/// Why Helm 4 refuses these values.
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

/// The value of a variable that the chart itself sets.
fn variable<'o>(objects: &'o [Value], name: &str) -> Option<&'o str> {
    objects::variable(container(objects), name)?["value"].as_str()
}

/// A file of the chart.
fn read(path: impl AsRef<Path>) -> String {
    let path = app().directory().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An item as long as sealed ones are.
fn sealed() -> String {
    "A".repeat(724)
}
