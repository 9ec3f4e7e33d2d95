//! The charts of this repository, and the values that each one is tested with.
//!
//! A chart's directory `ci` holds its cases: `ci/NAME-values.yaml` renders, and
//! `ci/refused/NAME.yaml` is refused with the text behind `# error: ` in its first line.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// A chart in `deploy/charts`.
#[derive(Clone, Debug)]
pub struct Chart {
    directory: PathBuf,
}

/// Values that a chart must refuse.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The values file.
    pub path: PathBuf,
    /// What the refusal must say.
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

    /// Its name, which is its directory's.
    pub fn name(&self) -> String {
        name(&self.directory)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The values files that it must render with: `ci/*-values.yaml`. At least one.
    pub fn values_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let files = entries(&self.directory.join("ci"))?;
        let files: Vec<_> =
            files.into_iter().filter(|path| name(path).ends_with("-values.yaml")).collect();
        ensure!(!files.is_empty(), "no ci/*-values.yaml in {}", self.directory.display());
        Ok(files)
    }

    /// The values files that it must refuse: `ci/refused/*.yaml`.
    pub fn refused(&self) -> anyhow::Result<Vec<Refused>> {
        let directory = self.directory.join("ci/refused");
        let files = if directory.is_dir() { entries(&directory)? } else { Vec::new() };
        files.into_iter().map(refused).collect()
    }

    /// Whether what it renders may depend on Kubernetes' version.
    pub fn depends_on_version(&self) -> anyhow::Result<bool> {
        let mut directories = vec![self.directory.join("templates")];
        while let Some(directory) = directories.pop() {
            for path in entries(&directory)? {
                if path.is_dir() {
                    directories.push(path);
                } else if read(&path)?.contains("KubeVersion") {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
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

/// What is in a directory, sorted.
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
