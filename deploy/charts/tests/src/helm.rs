//! Runs Helm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::chart::Chart;
use crate::{objects, tools};

/// Helm without the user's settings, plug-ins and clusters.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
    major: u8,
}

/// The arguments of `helm template`.
#[derive(Clone, Debug)]
pub struct Render {
    chart: Chart,
    release: String,
    namespace: String,
    values: Vec<Values>,
    api_versions: Vec<String>,
    kube_version: String,
    upgrade: bool,
}

#[derive(Clone, Debug)]
enum Values {
    File(PathBuf),
    Inline(Value),
}

impl Helm {
    /// Finds Helm 3.
    pub fn three() -> anyhow::Result<Helm> {
        Ok(Helm { program: tools::program(tools::HELM3)?, major: 3 })
    }

    /// Finds Helm 4.
    pub fn four() -> anyhow::Result<Helm> {
        Ok(Helm { program: tools::program(tools::HELM4)?, major: 4 })
    }

    /// Finds both Helms.
    pub fn both() -> anyhow::Result<[Helm; 2]> {
        Ok([Helm::three()?, Helm::four()?])
    }

    /// The major version.
    pub fn major(&self) -> u8 {
        self.major
    }

    /// The objects of an installation, including tests and hooks. The error contains Helm's output.
    pub fn template(&self, render: &Render) -> anyhow::Result<Vec<Value>> {
        objects::parse(&self.template_text(render)?)
    }

    /// The YAML text of the objects.
    pub fn template_text(&self, render: &Render) -> anyhow::Result<String> {
        let mut flags = vec!["--include-crds".to_owned()];
        flags.extend(render.api_versions.iter().map(|version| format!("--api-versions={version}")));
        flags.push(format!("--kube-version={}", render.kube_version));
        if render.upgrade {
            flags.push("--is-upgrade".to_owned());
        }
        self.run("template", render, flags)
    }

    /// The rendered `NOTES.txt`. Only Helm 4 prints it without a cluster.
    pub fn notes(&self, render: &Render) -> anyhow::Result<String> {
        ensure!(self.major > 3, "Helm 3 renders notes only with a cluster");
        let said = self.run("install", render, vec!["--dry-run=client".to_owned()])?;
        let (_, notes) = said.split_once("\nNOTES:\n").context("the chart has no notes")?;
        Ok(notes.to_owned())
    }

    /// `helm lint --strict`. The error contains Helm's output.
    pub fn lint(&self, render: &Render) -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let mut helm = self.command(&directory);
        helm.args(["lint", "--strict", "--namespace", &render.namespace]);
        helm.arg(format!("--kube-version={}", render.kube_version));
        render.add_values(&mut helm, &directory)?;
        output(helm.arg(render.chart.directory())).map(drop)
    }

    fn run(&self, verb: &str, render: &Render, flags: Vec<String>) -> anyhow::Result<String> {
        let directory = tempfile::tempdir()?;
        let mut helm = self.command(&directory);
        helm.args([verb, &render.release, "--namespace", &render.namespace]).args(flags);
        render.add_values(&mut helm, &directory)?;
        output(helm.arg(render.chart.directory()))
    }

    fn command(&self, home: &TempDir) -> Command {
        let mut helm = Command::new(&self.program);
        helm.env_clear().env("HOME", home.path()).current_dir(home.path());
        // Garbage collection takes a third of the time of this short process.
        helm.env("GOGC", "off").env("GOMAXPROCS", "1");
        helm
    }
}

impl Render {
    /// A chart with its default values, as release `demo` in namespace `demo`.
    pub fn chart(chart: &Chart) -> Render {
        Render {
            chart: chart.clone(),
            release: "demo".to_owned(),
            namespace: "demo".to_owned(),
            values: Vec::new(),
            api_versions: Vec::new(),
            // Helm built from its module assumes Kubernetes 1.20.
            kube_version: "1.37.0".to_owned(),
            upgrade: false,
        }
    }

    /// Sets the name of the release.
    #[must_use]
    pub fn release(mut self, release: &str) -> Render {
        release.clone_into(&mut self.release);
        self
    }

    /// Sets the namespace of the release.
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Render {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// Adds a values file, which overrides earlier ones. Relative paths start at the chart.
    #[must_use]
    pub fn values_file(mut self, path: impl AsRef<Path>) -> Render {
        self.values.push(Values::File(self.chart.directory().join(path)));
        self
    }

    /// Adds values, which override earlier ones.
    #[must_use]
    pub fn values(mut self, values: Value) -> Render {
        self.values.push(Values::Inline(values));
        self
    }

    /// Adds API versions of the cluster: `GROUP/VERSION` or `GROUP/VERSION/KIND`.
    #[must_use]
    pub fn api_versions<V: Into<String>>(mut self, more: impl IntoIterator<Item = V>) -> Render {
        self.api_versions.extend(more.into_iter().map(Into::into));
        self
    }

    /// The version of the cluster, such as `1.28.0`. The default is 1.37.
    #[must_use]
    pub fn kube_version(mut self, version: &str) -> Render {
        version.clone_into(&mut self.kube_version);
        self
    }

    /// Renders an upgrade instead of an installation.
    #[must_use]
    pub fn upgrade(mut self) -> Render {
        self.upgrade = true;
        self
    }

    fn add_values(&self, helm: &mut Command, directory: &TempDir) -> anyhow::Result<()> {
        for (number, values) in self.values.iter().enumerate() {
            let path = match values {
                Values::File(path) => path.clone(),
                Values::Inline(values) => {
                    let path = directory.path().join(format!("{number}.json"));
                    fs::write(&path, values.to_string())?;
                    path
                }
            };
            helm.arg("--values").arg(path);
        }
        Ok(())
    }
}

/// The standard output of a command. The error contains all of its output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("starting {program}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        bail!("{}{}", text(&output.stdout), text(&output.stderr));
    }
    Ok(text(&output.stdout))
}
