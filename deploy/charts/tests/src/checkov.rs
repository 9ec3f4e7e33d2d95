//! Scans manifests and Dockerfiles with checkov.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::tools;

/// A failed check.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The identifier of the check, such as `CKV_K8S_11`.
    pub check: String,
    /// The title of the check.
    pub wanted: String,
    /// The path of the file in the directory, without suffixes.
    pub file: String,
    /// The kind of the object, or the instruction.
    pub kind: String,
}

/// A check that may fail in some places.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The identifier of the check.
    pub check: String,
    /// `FILE KIND`. Each may end with the wildcard `*`.
    pub places: Vec<String>,
    /// Why the check may fail there.
    pub reason: String,
}

/// Scans a directory.
pub fn findings(directory: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut checkov = Command::new(tools::program(tools::CHECKOV)?);
    let home = tempfile::tempdir()?;
    checkov
        .args(["--framework", "kubernetes", "dockerfile", "--output", "json", "--directory", "."])
        // Do not contact the vendor's platform.
        .args(["--skip-download", "--quiet", "--compact", "--soft-fail"])
        .current_dir(directory)
        .env("HOME", home.path());
    let output = checkov.output().context("starting checkov")?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "checkov: {}", said());
    let reports: Vec<Value> = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the report of checkov: {}", said()))?;
    ensure!(reports.len() == 2, "checkov did not scan both manifests and Dockerfiles");
    for report in &reports {
        let summary = &report["summary"];
        ensure!(summary["parsing_errors"] == 0, "checkov cannot read a file: {summary}");
        ensure!(summary["skipped"] == 0, "an annotation or comment turns a check off: {summary}");
    }
    let failed = reports.iter().filter_map(|report| report["results"]["failed_checks"].as_array());
    Ok(failed.flatten().map(finding).collect())
}

/// Reads the exceptions from a file.
pub fn exceptions(path: &Path) -> anyhow::Result<Vec<Exception>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

impl Exception {
    /// The place that matches the finding, if any.
    pub fn allows(&self, finding: &Finding) -> Option<&str> {
        let fits = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => text == pattern,
        };
        let places = self.places.iter().map(String::as_str).filter(|_| self.check == finding.check);
        places.into_iter().find(|place| {
            let parts = place.split_once(' ');
            parts.is_some_and(|(file, kind)| fits(file, &finding.file) && fits(kind, &finding.kind))
        })
    }
}

fn finding(failed: &Value) -> Finding {
    let text = |field: &str| failed[field].as_str().unwrap_or_default();
    let file = text("file_path").trim_start_matches('/');
    // `KIND.NAMESPACE.NAME` for an object, and `PATH.INSTRUCTION` or `PATH` for a Dockerfile.
    let resource = text("resource").trim_start_matches('/');
    let kind = match resource.strip_prefix(file) {
        Some(instruction) => instruction.trim_start_matches('.'),
        None => resource.split('.').next().unwrap_or_default(),
    };
    Finding {
        check: text("check_id").to_owned(),
        wanted: text("check_name").to_owned(),
        file: file.trim_end_matches("-values.yaml").to_owned(),
        kind: if kind.is_empty() { "image" } else { kind }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(file: &str, resource: &str) -> Finding {
        finding(&json!({ "check_id": "CKV_1", "check_name": "x", "file_path": file,
                         "resource": resource }))
    }

    #[test]
    fn exception_allows_only_its_places() {
        let exception = Exception {
            check: "CKV_1".to_owned(),
            places: ["app/sidecar Deployment", "app/* Pod", "* FROM"].map(str::to_owned).to_vec(),
            reason: String::new(),
        };
        let allowed = |file, resource| exception.allows(&found(file, resource)).map(str::to_owned);
        let deployment = allowed("/app/sidecar-values.yaml", "Deployment.ns.a");
        assert_eq!(deployment.as_deref(), Some("app/sidecar Deployment"));
        assert_eq!(allowed("/app/other-values.yaml", "Deployment.ns.a"), None);
        assert_eq!(allowed("/app/b-values.yaml", "Pod.ns.a").as_deref(), Some("app/* Pod"));
        let instruction = allowed("/deploy/app/Dockerfile", "/deploy/app/Dockerfile.FROM");
        assert_eq!(instruction.as_deref(), Some("* FROM"));
        let other = Finding { check: "CKV_2".to_owned(), ..found("/app/b-values.yaml", "Pod.a.b") };
        assert_eq!(exception.allows(&other), None);
    }

    #[test]
    fn whole_dockerfile_is_an_image() {
        assert_eq!(found("/a/Dockerfile", "/a/Dockerfile.").kind, "image");
    }
}
