//! Validates objects with kubeconform.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{schemas, tools};

/// kubeconform with only our schemas and without a network.
#[derive(Debug)]
pub struct Kubeconform {
    program: PathBuf,
    custom_resources: TempDir,
}

impl Kubeconform {
    /// Writes the schemas of custom resources into a temporary directory.
    pub fn new() -> anyhow::Result<Kubeconform> {
        let custom_resources = tempfile::tempdir()?;
        for crd in schemas::crds()? {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
            let (group, kind) = (text(&crd["spec"]["group"]), text(&crd["spec"]["names"]["kind"]));
            let directory = custom_resources.path().join(group);
            fs::create_dir_all(&directory)?;
            for (version, schema) in schemas::custom_resource_schemas(&crd) {
                fs::write(directory.join(format!("{kind}-{version}.json")), schema.to_string())?;
            }
        }
        Ok(Kubeconform { program: tools::program(tools::KUBECONFORM)?, custom_resources })
    }

    /// Returns the number of objects in the files, and their problems in Kubernetes 1.MINOR.
    pub fn check(&self, minor: u32, files: &[PathBuf]) -> anyhow::Result<(u64, Vec<String>)> {
        let custom_resources = self.custom_resources.path().display();
        let kubernetes = schemas::directory().join("kubernetes").join(format!("1.{minor}.json"));
        ensure!(kubernetes.is_file(), "no schemas of Kubernetes 1.{minor}");
        let mut kubeconform = Command::new(&self.program);
        kubeconform
            .args(["-strict", "-summary", "-output=json", "-schema-location"])
            .arg(format!(
                "{custom_resources}/{{{{.Group}}}}/{{{{.ResourceKind}}}}-{{{{.ResourceAPIVersion}}}}.json"
            ))
            // This schema distinguishes the kinds itself and rejects all others.
            .arg("-schema-location")
            .arg(kubernetes)
            .args(files)
            // The process is short, so garbage collection only costs time.
            .env("GOGC", "off");
        let output = kubeconform.output().context("starting kubeconform")?;
        let report: Value = serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "parsing the report of kubeconform: {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        let problems: Vec<_> =
            report["resources"].as_array().into_iter().flatten().map(problem).collect();
        let count = |what: &str| report["summary"][what].as_u64().unwrap_or_default();
        ensure!(count("skipped") == 0, "kubeconform skipped objects");
        let bad = count("invalid") + count("errors");
        ensure!((bad == 0) == problems.is_empty(), "kubeconform did not report the problems");
        Ok((count("valid") + bad, problems))
    }
}

fn problem(resource: &Value) -> String {
    let text = |field: &str| resource[field].as_str().unwrap_or_default();
    format!("{}: {} {}: {}", text("filename"), text("kind"), text("name"), text("msg"))
}
