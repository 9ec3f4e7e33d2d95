//! The charts of this repository and their test cases.
//!
//! A chart's directory `ci` contains its cases. `ci/NAME-values.yaml` must render. `ci/refused/NAME.yaml`
//! must be rejected in a cluster without custom resources, with the text after `# error: ` in its first
//! line.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// A chart in `deploy/charts`.
#[derive(Clone, Debug)]
pub struct Chart {
    directory: PathBuf,
}

/// Values that a chart must reject.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The values file.
    pub path: PathBuf,
    /// Text in the error.
    pub error: String,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(here).to_owned()
}

/// Every chart.
pub fn all() -> anyhow::Result<Vec<Chart>> {
    let charts = entries(&root().join("deploy/charts"))?;
    let charts = charts.into_iter().filter(|path| path.join("Chart.yaml").is_file());
    let charts: Vec<_> = charts.map(|directory| Chart { directory }).collect();
    ensure!(!charts.is_empty(), "no chart in deploy/charts");
    Ok(charts)
}

impl Chart {
    /// The chart in `deploy/charts/NAME`.
    pub fn named(name: &str) -> Chart {
        Chart { directory: root().join("deploy/charts").join(name) }
    }

    /// The name of the chart and its directory.
    pub fn name(&self) -> String {
        name(&self.directory)
    }

    /// The directory of the chart.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The values files that must render: `ci/*-values.yaml`. At least one.
    pub fn values_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let files = entries(&self.directory.join("ci"))?;
        let files: Vec<_> =
            files.into_iter().filter(|path| name(path).ends_with("-values.yaml")).collect();
        ensure!(!files.is_empty(), "no ci/*-values.yaml in {}", self.directory.display());
        Ok(files)
    }

    /// The values files that the chart must reject: `ci/refused/*.yaml`.
    pub fn refused(&self) -> anyhow::Result<Vec<Refused>> {
        let directory = self.directory.join("ci/refused");
        let files = if directory.is_dir() { entries(&directory)? } else { Vec::new() };
        files.into_iter().map(refused).collect()
    }

    /// Groups minor versions of Kubernetes 1 for which the chart renders the same objects. Groups differ only
    /// at versions that a template compares with.
    pub fn alike(&self, minors: &[u32]) -> anyhow::Result<Vec<Vec<u32>>> {
        let mut compared = Vec::new();
        let mut directories = vec![self.directory.join("templates")];
        while let Some(directory) = directories.pop() {
            for path in entries(&directory)? {
                if path.is_dir() {
                    directories.push(path);
                } else {
                    compared.extend(compared_minors(&read(&path)?).with_context(|| {
                        format!("{}: its dependency on the version of Kubernetes", path.display())
                    })?);
                }
            }
        }
        // The output cannot change between two compared versions.
        let place =
            |minor: u32| compared.iter().map(|&other| minor.cmp(&other)).collect::<Vec<_>>();
        let groups = minors.chunk_by(|&one, &other| place(one) == place(other));
        Ok(groups.map(<[u32]>::to_vec).collect())
    }
}

/// The minor versions that a template compares with the version of Kubernetes.
fn compared_minors(template: &str) -> anyhow::Result<Vec<u32>> {
    let lines = template.lines().filter(|line| line.contains("KubeVersion"));
    let minors = lines.map(|line| {
        let (_, constraint) = line.split_once("semverCompare \"")?;
        let version = constraint.trim_start_matches(['<', '>', '=']).strip_prefix("1.")?;
        version.split('.').next()?.parse().ok()
    });
    let minors: Option<Vec<u32>> = minors.collect();
    minors.context("only lines with `semverCompare \"CONSTRAINT\" … KubeVersion` are supported")
}

/// The last part of a path.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn refused(path: PathBuf) -> anyhow::Result<Refused> {
    let text = read(&path)?;
    let error = text.lines().next().and_then(|line| line.strip_prefix("# error: "));
    let error = error.map(str::trim).filter(|error| !error.is_empty());
    let error = error
        .with_context(|| format!("{}: its first line must be `# error: TEXT`", path.display()))?
        .to_owned();
    Ok(Refused { path, error })
}

/// The sorted entries of a directory.
pub(crate) fn entries(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("reading {}", directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        let hidden = path.file_name().map(OsStr::as_encoded_bytes);
        if hidden.is_some_and(|name| !name.starts_with(b".")) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comparisons_are_found() {
        let line = r#"{{- if semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version }}"#;
        assert_eq!(compared_minors(&format!("a\n{line}\n")).unwrap(), [31]);
        assert_eq!(compared_minors("a: b\n").unwrap(), [0; 0]);
        assert!(compared_minors("{{ .Capabilities.KubeVersion.Minor }}").is_err());
    }

    #[test]
    fn charts_have_cases() {
        for chart in all().unwrap() {
            assert!(!chart.values_files().unwrap().is_empty());
            assert!(!chart.refused().unwrap().is_empty(), "{}", chart.name());
            let minors: Vec<_> = (28..=37).collect();
            assert_eq!(chart.alike(&minors).unwrap().concat(), minors);
        }
    }
}
