//! Programs from Go modules, built here: Helm and kubeconform.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use e2e::cache;
use e2e::controlplane::COMPILER_FLAGS;
use tokio::process::Command;

use super::install::cleared;
use crate::command;
use crate::runner::Output;

/// A program and its package.
struct Program {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

const HELM3: Program =
    Program { name: "Helm 3", package: "helm.sh/helm/v3/cmd/helm", version: "v3.22.0" };
const HELM4: Program =
    Program { name: "Helm 4", package: "helm.sh/helm/v4/cmd/helm", version: "v4.3.1" };
const KUBECONFORM: Program = Program {
    name: "kubeconform",
    package: "github.com/yannh/kubeconform/cmd/kubeconform",
    version: "v0.8.0",
};

const TFLINT: Program =
    Program { name: "tflint", package: "github.com/terraform-linters/tflint", version: "v0.64.0" };

/// Both Helms.
#[derive(Debug)]
pub(crate) struct Helms {
    three: PathBuf,
    four: PathBuf,
}

impl Helms {
    /// Passes their paths to tests.
    pub(crate) fn name_to(&self, tests: &mut Command) {
        tests.env("MTK_HELM3", &self.three).env("MTK_HELM4", &self.four);
    }
}

/// Helm 3 and 4. The first call builds them.
pub(crate) async fn helms(output: Output) -> anyhow::Result<Helms> {
    Ok(Helms { three: HELM3.built(output).await?, four: HELM4.built(output).await? })
}

/// Helm 4. The first call builds it.
pub(crate) async fn helm4(output: Output) -> anyhow::Result<PathBuf> {
    HELM4.built(output).await
}

/// kubeconform. The first call builds it.
pub(crate) async fn kubeconform(output: Output) -> anyhow::Result<PathBuf> {
    KUBECONFORM.built(output).await
}

/// The program `health`, with the code by which Flux and Argo CD judge objects. The first call builds it.
pub(crate) async fn health(output: Output) -> anyhow::Result<PathBuf> {
    tokio::task::spawn_blocking(move || e2e::controlplane::health(|line| output.indented(line)))
        .await?
}

/// Flux's kustomize-controller, if it is built already or should be built.
pub(crate) async fn kustomize_controller(
    build: bool,
    output: Output,
) -> anyhow::Result<Option<PathBuf>> {
    use e2e::controlplane::{kustomize_controller, kustomize_controller_is_built};
    tokio::task::spawn_blocking(move || {
        if build || kustomize_controller_is_built()? {
            kustomize_controller(|line| output.indented(line)).map(Some)
        } else {
            Ok(None)
        }
    })
    .await?
}

/// tflint, which takes minutes to build; none if it is not built yet and `build` is false.
pub(crate) async fn tflint(build: bool, output: Output) -> anyhow::Result<Option<PathBuf>> {
    TFLINT.built_if(build, output).await
}

/// Helm 4; none if it is not built yet and `build` is false.
pub(crate) async fn helm4_if(build: bool, output: Output) -> anyhow::Result<Option<PathBuf>> {
    HELM4.built_if(build, output).await
}

impl Program {
    async fn built(&self, output: Output) -> anyhow::Result<PathBuf> {
        let home = self.home().await?;
        let built = home.join(self.file());
        if !built.is_file() {
            output.indented(&format!("building {} {}, once", self.name, self.version));
            cleared(&home)?;
            // Built in another directory first, so that the final one is always complete.
            let unfinished = home.with_extension("unfinished");
            cleared(&unfinished)?;
            fs::create_dir_all(&unfinished)
                .with_context(|| format!("creating {}", unfinished.display()))?;
            let mut install = go();
            install
                .args(["install", "-ldflags=-s -w"])
                .args(COMPILER_FLAGS)
                .arg(format!("{}@{}", self.package, self.version))
                .current_dir(&unfinished)
                .env("GOBIN", &unfinished);
            command::output(&mut install).await?;
            fs::rename(&unfinished, &home).context("moving the built program")?;
        }
        Ok(built)
    }

    async fn built_if(&self, build: bool, output: Output) -> anyhow::Result<Option<PathBuf>> {
        if build || self.home().await?.join(self.file()).is_file() {
            return self.built(output).await.map(Some);
        }
        Ok(None)
    }

    /// The directory of the built program in the cache.
    async fn home(&self) -> anyhow::Result<PathBuf> {
        let mut go = go();
        let go_version = command::output(go.args(["env", "GOVERSION"])).await.context(
            "cannot run go\nhint: the tests build tools from Go modules; install Go 1.26 or newer",
        )?;
        let name = format!("{}-{}-{}", self.file(), self.version, go_version.trim());
        Ok(cache::directory()?.join(name))
    }

    fn file(&self) -> &'static str {
        self.package.rsplit('/').next().unwrap_or(self.package)
    }
}

fn go() -> Command {
    let mut go = command::program("go");
    go.env("GOWORK", "off").env("CGO_ENABLED", "0");
    go
}
