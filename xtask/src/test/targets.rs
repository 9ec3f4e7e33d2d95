//! The test programs of the workspace.

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::build;
use crate::command;

/// The crate with the tests that start API servers.
const END_TO_END: &str = "e2e";
/// Those of its tests that start a node, with a container runtime.
const NODE: &str = "node";
/// The crate with the tests that run Helm and other tools.
const CHARTS: &str = "chart-tests";
/// The crate with the tests of the images that ship.
const IMAGES: &str = "xtask";

/// Flags of `cargo test` that choose test programs by their requirements.
#[derive(Debug, PartialEq)]
pub(super) struct Targets {
    /// The tests of the crate `e2e`, which start API servers.
    pub(super) end_to_end: Vec<String>,
    /// Its tests of the node.
    pub(super) node: Vec<String>,
    /// The tests of the charts, which run Helm and other tools.
    pub(super) charts: Vec<String>,
    /// The tests of the task runner, which are those of the images that ship.
    pub(super) images: Vec<String>,
    /// All others except unit tests.
    pub(super) others: Vec<String>,
}

impl Targets {
    /// Asks Cargo.
    pub(super) async fn read() -> anyhow::Result<Targets> {
        let mut cargo = build::cargo("metadata");
        cargo.args(["--no-deps", "--format-version=1"]);
        Targets::parse(&command::output(&mut cargo).await?)
    }

    fn parse(metadata: &str) -> anyhow::Result<Targets> {
        let metadata: Metadata = serde_json::from_str(metadata).context("cargo's metadata")?;
        let names = |wanted: &dyn Fn(&str, &str) -> bool| {
            let targets = metadata.packages.iter().flat_map(|package| {
                package.targets.iter().map(move |target| (package.name.as_str(), target))
            });
            targets
                .filter(|(package, target)| wanted(package, &target.name))
                .filter(|(_, target)| target.kind == ["test"])
                .map(|(_, target)| format!("--test={}", target.name))
                .collect::<Vec<_>>()
        };
        let targets = Targets {
            end_to_end: names(&|package, test| package == END_TO_END && test != NODE),
            node: names(&|package, test| package == END_TO_END && test == NODE),
            charts: names(&|package, _| package == CHARTS),
            images: names(&|package, _| package == IMAGES),
            others: names(&|package, _| ![END_TO_END, CHARTS, IMAGES].contains(&package)),
        };
        // Cargo chooses test programs by their names.
        let Targets { end_to_end, node, charts, images, others } = &targets;
        let kinds = [end_to_end, node, charts, images, others];
        let is_elsewhere =
            |name: &&String| kinds.iter().filter(|kind| kind.contains(name)).count() > 1;
        let twice = kinds.iter().copied().flatten().find(is_elsewhere);
        ensure!(
            twice.is_none(),
            "{} is the name of two tests that need different things\nhint: rename one",
            twice.map_or("", String::as_str)
        );
        Ok(targets)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(end_to_end: &str, other: &str) -> String {
        serde_json::json!({ "packages": [
            { "name": "e2e", "targets": [
                { "name": "e2e", "kind": ["lib"] }, { "name": end_to_end, "kind": ["test"] },
                { "name": "node", "kind": ["test"] } ] },
            { "name": "chart-tests", "targets": [ { "name": "matrix", "kind": ["test"] } ] },
            { "name": "xtask", "targets": [ { "name": "images", "kind": ["test"] } ] },
            { "name": "sealing", "targets": [ { "name": other, "kind": ["test"] } ] },
        ]})
        .to_string()
    }

    #[test]
    fn test_programs_are_grouped_by_requirements() {
        let targets = Targets::parse(&metadata("golden", "vectors")).unwrap();
        assert_eq!(targets.end_to_end, ["--test=golden"]);
        assert_eq!(targets.node, ["--test=node"]);
        assert_eq!(targets.charts, ["--test=matrix"]);
        assert_eq!(targets.images, ["--test=images"]);
        assert_eq!(targets.others, ["--test=vectors"]);
    }

    #[test]
    fn test_name_used_by_two_kinds_is_rejected() {
        assert!(Targets::parse(&metadata("vectors", "vectors")).is_err());
        assert!(Targets::parse(&metadata("golden", "matrix")).is_err());
    }
}
