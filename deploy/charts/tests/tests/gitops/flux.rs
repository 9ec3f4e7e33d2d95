//! Objects as Flux creates them: it builds directories, collects values, and renders charts.

use std::path::Path;
use std::process::Command;

use chart_tests::{Chart, Helm, Render, objects, tools};
use serde_json::Value;

use crate::{items, text};

/// The objects of a directory, as kustomize builds them.
pub(crate) fn build(directory: &Path) -> Vec<Value> {
    let mut health = Command::new(tools::program(tools::HEALTH).unwrap());
    let output = health.arg("build").arg(directory).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", directory.display());
    objects::parse(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// The objects of the only `HelmRelease` in a directory.
pub(crate) fn release(directory: &Path) -> Vec<Value> {
    let built = build(directory);
    let [release] = objects::of_kind(&built, "HelmRelease")[..] else {
        panic!("no HelmRelease in {}", directory.display())
    };
    let source = text(&release["spec"]["chartRef"]["name"]);
    let source = objects::object(&built, "OCIRepository", source);
    let url = text(&source["spec"]["url"]);
    let mut render = Render::chart(&Chart::named(url.rsplit('/').next().unwrap()))
        .release(text(&release["spec"]["releaseName"]))
        .namespace(text(&release["metadata"]["namespace"]));
    for from in items(&release["spec"]["valuesFrom"]) {
        assert_eq!(from["kind"], "ConfigMap", "Helm stores values in its release");
        let map = objects::object(&built, "ConfigMap", text(&from["name"]));
        // Flux reads this key unless the reference names another.
        let values = objects::parse(text(&map["data"]["values.yaml"])).unwrap();
        render = render.values(values.into_iter().next().unwrap());
    }
    Helm::four().unwrap().template(&render).unwrap()
}
