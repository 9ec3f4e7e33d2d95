//! The Go programs: the control plane, and the additional programs of a node.

use std::path::{Path, PathBuf};

use super::module::{Module, required_version};

/// The built program `mtk-controlplane`.
///
/// The first call builds it, which takes eight minutes on two cores, and keeps it in the cache.
/// `progress` receives a line for each step of a build.
pub fn binary(progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
    const NAME: &str = "mtk-controlplane";
    let source = source();
    let version = required_version(&source, "k8s.io/kubernetes")?;
    let module = Module {
        source,
        cache: "controlplane",
        what: format!("a Kubernetes {version} control plane"),
        duration: "8 minutes",
        packages: &["."],
        name: Some(NAME),
        linker_flags: kubernetes_flags(&version),
    };
    Ok(module.built(progress)?.join(NAME))
}

/// The directory with the additional programs of a node: containerd, its shim and `ctr`, and our
/// own `cleaner` and `pause`; also `hello`, a server for tests.
///
/// The first call builds them, which takes a minute on two cores, and keeps them in the cache.
/// `progress` receives a line for each step of a build.
pub(super) fn node_programs(progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
    let source = source().join("node");
    let version = required_version(&source, "github.com/containerd/containerd/v2")?;
    let module = Module {
        source,
        cache: "node",
        what: format!("containerd {version}"),
        duration: "a minute",
        packages: &[
            "github.com/containerd/containerd/v2/cmd/containerd",
            "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
            "github.com/containerd/containerd/v2/cmd/ctr",
            "./cleaner",
            "./hello",
            "./pause",
        ],
        name: None,
        linker_flags: format!(
            "-s -w -X github.com/containerd/containerd/v2/version.Version={version}"
        ),
    };
    module.built(progress)
}

/// The program `health`, which shows what Flux, Helm and Argo CD make of objects, with the code that they
/// use, and builds directories as kustomize does.
///
/// The first call builds it, and keeps it in the cache. `progress` receives a line for each step of a build.
pub fn health(progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
    let source = source().join("health");
    let version = required_version(&source, "github.com/fluxcd/cli-utils")?;
    let module = Module {
        source,
        cache: "health",
        what: format!("the health checks of Flux {version} and Argo CD"),
        duration: "two minutes",
        packages: &["."],
        name: Some("health"),
        linker_flags: "-s -w".to_owned(),
    };
    Ok(module.built(progress)?.join("health"))
}

/// Flux's kustomize-controller, which applies directories of a repository to a cluster.
///
/// The first call builds it, which takes minutes, and keeps it in the cache.
pub fn kustomize_controller(progress: impl FnMut(&str)) -> anyhow::Result<PathBuf> {
    Ok(flux()?.built(progress)?.join("kustomize-controller"))
}

/// Whether the cache contains it.
pub fn kustomize_controller_is_built() -> anyhow::Result<bool> {
    flux()?.is_built()
}

fn flux() -> anyhow::Result<Module> {
    let source = source().join("flux");
    let version = required_version(&source, "github.com/fluxcd/kustomize-controller")?;
    Ok(Module {
        source,
        cache: "flux",
        what: format!("Flux's kustomize-controller {version}"),
        duration: "6 minutes",
        packages: &["github.com/fluxcd/kustomize-controller"],
        name: None,
        linker_flags: "-s -w".to_owned(),
    })
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane")
}

/// Without its version the API server reports `v0.0.0-master+$Format`, which kubectl cannot
/// read.
fn kubernetes_flags(version: &str) -> String {
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
    let package = "k8s.io/component-base/version";
    format!(
        "-s -w -X {package}.gitVersion={version} -X {package}.gitMajor={major} \
         -X {package}.gitMinor={minor}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linker_flags_set_the_server_version() {
        let flags = kubernetes_flags("v1.37.2");
        for part in ["gitVersion=v1.37.2 ", "gitMajor=1 ", "gitMinor=37"] {
            assert!(flags.contains(part), "{part} in {flags}");
        }
    }

    #[test]
    fn versions_come_from_the_modules() {
        let source = source();
        for (directory, module) in [
            (source.clone(), "k8s.io/kubernetes"),
            (source.join("node"), "github.com/containerd/containerd/v2"),
            (source.join("health"), "github.com/fluxcd/cli-utils"),
        ] {
            assert!(required_version(&directory, module).unwrap().starts_with('v'));
        }
    }
}
