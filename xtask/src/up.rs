//! `cargo xtask up`: a control plane with the controller, in the background.
//!
//! The controller is a process of this machine. With `--node`, the controller and the app run in
//! Pods.

mod background;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use e2e::controlplane::{Access, Detached, StartOptions};
use e2e::{cluster, moto};

use crate::build::{self, Programs};
use crate::node::{self, AwsOverTls, NodeImages, NodeSession};
use crate::runner::{Output, Steps};
use crate::{command, paths, tools};

/// Starts it unless it runs, and prints the lines for the shell.
pub(crate) async fn run(node: bool, aws: bool) -> anyhow::Result<()> {
    let directory = paths::up()?;
    let _lock = lock(&directory)?;
    let up = Up::in_directory(directory);
    if up.works().await {
        ensure!(
            !node || up.has_node(),
            "the running control plane has no node\nhint: stop it with `cargo xtask down` first"
        );
        ensure!(
            !aws || up.has_aws(),
            "the running control plane has no AWS\nhint: stop it with `cargo xtask down` first"
        );
        Output::Stderr.line("already running; `cargo xtask down` stops it");
    } else if node {
        up.start_node(aws).await?;
    } else {
        up.start(aws).await?;
    }
    Output::Stderr.indented(&if up.has_node() { up.locations()? } else { up.addresses()? });
    Output::Stdout.line(format_args!("export KUBECONFIG={}", quoted(&up.kubeconfig())));
    if let Ok(address) = background::aws_address(&up.directory) {
        for (name, value) in moto::environment(address) {
            Output::Stdout.line(format_args!("export {name}={}", quoted(Path::new(&value))));
        }
    }
    Ok(())
}

/// Stops everything. Returns whether anything was running.
pub(crate) fn end() -> anyhow::Result<bool> {
    let directory = paths::up()?;
    let _lock = lock(&directory)?;
    Up::in_directory(directory).end()
}

/// Two runs at once would stop each other's processes.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.with_extension("lock");
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    }
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    file.lock()?;
    Ok(file)
}

/// The processes of a directory.
#[derive(Debug)]
struct Up {
    directory: PathBuf,
}

/// Stops everything when dropped, unless the start succeeded.
#[derive(Debug)]
struct Unfinished(Option<Up>);

impl Up {
    fn in_directory(directory: PathBuf) -> Up {
        Up { directory }
    }

    fn plane(&self) -> PathBuf {
        self.directory.join("plane")
    }

    fn kubeconfig(&self) -> PathBuf {
        self.plane().join("kubeconfig")
    }

    fn kubectl(&self) -> PathBuf {
        self.directory.join("kubectl")
    }

    /// The file with the app's address. It exists once everything is ready.
    fn app(&self) -> PathBuf {
        self.directory.join("app")
    }

    fn has_node(&self) -> bool {
        self.app().exists()
    }

    fn has_aws(&self) -> bool {
        matches!(background::find(&self.directory, background::AWS), Ok(Some(_)))
    }

    /// Whether the controller runs and the API server answers. In a Pod, the kubelet keeps the
    /// controller running.
    async fn works(&self) -> bool {
        let mut kubectl = command::program(self.kubectl());
        kubectl
            .args(["get", "--raw=/readyz", "--request-timeout=5s"])
            .env("KUBECONFIG", self.kubeconfig());
        let controller =
            || matches!(background::find(&self.directory, background::CONTROLLER), Ok(Some(_)));
        (self.has_node() || controller()) && command::output(&mut kubectl).await.is_ok()
    }

    async fn start(&self, aws: bool) -> anyhow::Result<()> {
        self.end()?;
        let mut steps = Steps::new(Output::Stderr);
        let programs = self.build(&mut steps).await?;
        let what = "start a Kubernetes control plane on loopback";
        let plane = self.start_plane(StartOptions::default());
        let (access, mut unfinished) = steps.step(what, plane).await?;
        let mut environment = Vec::new();
        if aws {
            let moto =
                steps.step("install moto, an AWS emulator", tools::moto(steps.output())).await?;
            let address = background::start_aws(&self.directory, &moto);
            environment = moto::environment(steps.step("start it", address).await?);
        }
        steps
            .step("start mtk-controller as its ServiceAccount", async {
                self.start_controller(&access, &programs.controller, &environment).await
            })
            .await?;
        if aws {
            // As the chart's `externalSecrets.allowDelete` does.
            tokio::task::spawn_blocking(move || cluster::allow_delete(&access)).await??;
        }
        unfinished.0 = None;
        Ok(())
    }

    async fn start_node(&self, aws: bool) -> anyhow::Result<()> {
        self.end()?;
        let mut steps = Steps::new(Output::Stderr);
        let missing = node::missing(steps.output()).await?;
        ensure!(
            missing.is_empty(),
            "this machine cannot run a node; missing: {}\n\
             hint: without --node, the controller runs as a process",
            node::described(&missing)
        );
        let programs = self.build(&mut steps).await?;
        let images = NodeImages::shipped(&mut steps).await?;
        let what = "start a Kubernetes node, in separate namespaces";
        let (access, mut unfinished) = steps.step(what, self.start_plane(node::options())).await?;
        let session =
            NodeSession::new(&self.directory, &access, &programs.seal, &images, steps.output())?;
        session.deploy(&mut steps).await?;
        if aws {
            let what = "install moto, an AWS emulator";
            let moto = steps.step(what, tools::moto(steps.output())).await?;
            let host = access.node().context("the control plane has no node")?.host_address();
            let start = async {
                let upstream = background::start_aws(&self.directory, &moto).await?;
                background::start_tls_proxy(&self.directory, access.binary(), host, upstream).await
            };
            let what = "start moto, with TLS at an address that Pods can reach";
            let (address, authority) = steps.step(what, start).await?;
            let over_tls = AwsOverTls { address, authority: &authority, queue: None };
            session.connect_to_aws(&mut steps, over_tls).await?;
        }
        fs::write(self.app(), format!("http://{}/", session.address().await?.ip()))?;
        unfinished.0 = None;
        Ok(())
    }

    /// Builds the programs and creates the directory.
    async fn build(&self, steps: &mut Steps) -> anyhow::Result<Programs> {
        let build = build::programs_and_control_plane(steps.output());
        let what = "build mtk-seal, mtk-controller and the control plane";
        let (programs, binary) = steps.step(what, build).await?;
        fs::create_dir_all(&self.directory)?;
        symlink(binary, self.kubectl())?;
        Ok(programs)
    }

    async fn start_plane(&self, options: StartOptions) -> anyhow::Result<(Access, Unfinished)> {
        let directory = self.directory.clone();
        // In a separate task, which Ctrl-C does not interrupt.
        let plane = tokio::task::spawn_blocking(move || {
            let up = Up::in_directory(directory);
            let plane = Detached::start(&up.plane(), &options)?;
            Ok((plane.access().clone(), Unfinished(Some(up))))
        });
        plane.await.context("the control plane did not start")?
    }

    async fn start_controller(
        &self,
        access: &Access,
        binary: &Path,
        environment: &[(String, String)],
    ) -> anyhow::Result<()> {
        let identity = self.directory.join("controller.kubeconfig");
        let (plane, path) = (access.clone(), identity.clone());
        tokio::task::spawn_blocking(move || cluster::install_with_identity(&plane, &path))
            .await??;
        background::start_controller(&self.directory, binary, &identity, environment).await
    }

    /// Addresses and files, with a node.
    fn locations(&self) -> anyhow::Result<String> {
        let directory = self.directory.display();
        Ok(format!(
            "API server   {}\n\
             app          {}\n\
             programs     {directory}/bin: kubectl, helm, mtk-seal\n\
             secrets      {directory}/repository: secrets.env, sealed.yaml",
            self.server()?,
            fs::read_to_string(self.app())?,
        ))
    }

    fn server(&self) -> anyhow::Result<String> {
        let config: serde_json::Value = serde_json::from_slice(&fs::read(self.kubeconfig())?)?;
        let server = config["clusters"][0]["cluster"]["server"].as_str();
        Ok(server.context("the kubeconfig names no server")?.to_owned())
    }

    fn addresses(&self) -> anyhow::Result<String> {
        let controller =
            |purpose| background::address(&self.directory, background::CONTROLLER, purpose);
        Ok(format!(
            "API server   {}\n\
             certificate  http://{}/v1/cert.pem\n\
             metrics      http://{}/metrics\n\
             log          {}\n\
             kubectl      {} (or one of yours)\n\
             The controller's token expires after a day.",
            self.server()?,
            controller("api")?,
            controller("metrics")?,
            background::log(&self.directory, background::CONTROLLER).display(),
            self.kubectl().display(),
        ))
    }

    fn end(&self) -> anyhow::Result<bool> {
        let mut ran = false;
        for name in [background::CONTROLLER, background::TLS_PROXY, background::AWS] {
            ran |= background::stop(&self.directory, name)?;
        }
        ran |= Detached::stop(&self.plane())?;
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("removing {}", self.directory.display()));
            }
            _ => {}
        }
        Ok(ran)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(up) = &self.0
            && let Err(error) = up.end()
        {
            Output::Stderr.line(format_args!("{error:#}"));
        }
    }
}

/// Quotes a path for a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_one_word_for_the_shell() {
        assert_eq!(quoted(Path::new("/a b/c")), "'/a b/c'");
        assert_eq!(quoted(Path::new("/it's")), r"'/it'\''s'");
    }
}
