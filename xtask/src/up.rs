//! `cargo xtask up`: a control plane with the controller that stays.
//!
//! The controller is a process of this machine; with `--node` it is in a Pod, and the app is there too.

mod background;

use std::env;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use e2e::aws::Aws;
use e2e::cluster;
use e2e::controlplane::{Access, Detached, StartOptions};

use crate::build::{self, Programs};
use crate::pods::{self, Pods};
use crate::steps::{Output, Steps};
use crate::{command, places, stage, tools};

/// Starts it, unless it runs, and prints the line for the shell.
pub(crate) async fn run(node: bool, aws: bool) -> anyhow::Result<()> {
    let directory = places::up()?;
    let _lock = lock(&directory)?;
    let up = Up::in_directory(directory);
    if up.works().await {
        ensure!(
            !node || up.has_node(),
            "what is up has no node\nhint: end it by `cargo xtask down` first"
        );
        ensure!(
            !aws || up.has_aws(),
            "what is up has no AWS\nhint: end it by `cargo xtask down` first"
        );
        Output::Stderr.line("it is up already; `cargo xtask down` ends it");
    } else if node {
        up.start_node(aws).await?;
    } else {
        up.start(aws).await?;
    }
    Output::Stderr.indented(&if up.has_node() { up.places()? } else { up.addresses()? });
    Output::Stdout.line(format_args!("export KUBECONFIG={}", quoted(&up.kubeconfig())));
    if let Ok(address) = background::address(&up.directory, background::AWS, "aws") {
        for (name, value) in e2e::aws::environment(address) {
            Output::Stdout.line(format_args!("export {name}={}", quoted(Path::new(&value))));
        }
    }
    Ok(())
}

/// Ends all of it, and says whether there was anything to end.
pub(crate) fn end() -> anyhow::Result<bool> {
    let directory = places::up()?;
    let _lock = lock(&directory)?;
    Up::in_directory(directory).end()
}

/// Serves a local AWS at this address of the machine for as long as this process lives, and says where in
/// the words of the controller.
pub(crate) async fn serve_aws(moto: &Path, host: IpAddr) -> anyhow::Result<()> {
    let moto = moto.to_owned();
    let aws = tokio::task::spawn_blocking(move || Aws::start_at(&moto, host)).await??;
    let address = aws.address();
    Output::Stderr.line(format_args!("listening purpose=\"aws\" address={address}"));
    std::future::pending().await
}

/// Two of these at once would end what the other starts.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.with_extension("lock");
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    }
    let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    file.lock()?;
    Ok(file)
}

/// What runs in a directory.
#[derive(Debug)]
struct Up {
    directory: PathBuf,
}

/// Ends what was started, unless all went well.
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

    /// Where the app's address is noted, once all is there.
    fn app(&self) -> PathBuf {
        self.directory.join("app")
    }

    fn has_node(&self) -> bool {
        self.app().exists()
    }

    fn has_aws(&self) -> bool {
        matches!(background::find(&self.directory, background::AWS), Ok(Some(_)))
    }

    /// Whether the controller runs and the API server answers. In a Pod, it is the kubelet that
    /// keeps the controller running.
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
        // Building everything may put another file in the place of this program's.
        let this = env::current_exe().context("this program's path")?;
        let mut steps = Steps::new(Output::Stderr);
        let programs = self.build(&mut steps).await?;
        let what = "starting a Kubernetes control plane on loopback";
        let plane = self.start_plane(StartOptions::default());
        let (access, mut unfinished) = steps.step(what, plane).await?;
        let mut environment = Vec::new();
        if aws {
            let moto = steps.step("moto, a local AWS", tools::moto(steps.output())).await?;
            let host = Ipv4Addr::LOCALHOST.into();
            let address = background::start_aws(&self.directory, &this, &moto, host);
            environment = e2e::aws::environment(steps.step("starting it", address).await?);
        }
        steps
            .step("starting mtk-controller as its ServiceAccount", async {
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
        let this = env::current_exe().context("this program's path")?;
        let mut steps = Steps::new(Output::Stderr);
        let missing = pods::missing(steps.output()).await?;
        ensure!(
            missing.is_empty(),
            "there can be no node here: it needs {}\n\
             hint: without --node, the controller is a process of this machine",
            pods::described(&missing)
        );
        let programs = self.build(&mut steps).await?;
        let parts = pods::parts(&mut steps).await?;
        let what = "starting a Kubernetes node, in namespaces of its own";
        let (access, mut unfinished) = steps.step(what, self.start_plane(pods::options())).await?;
        let mut at = None;
        if aws {
            let moto = steps.step("moto, a local AWS", tools::moto(steps.output())).await?;
            let host = access.node().context("it was asked for")?.host_address();
            let address = background::start_aws(&self.directory, &this, &moto, host);
            at = Some(steps.step("starting it where Pods reach it", address).await?);
        }
        let pods = Pods::new(&self.directory, &access, &programs.seal, &parts, at, steps.output())?;
        pods.deploy(&mut steps).await?;
        fs::write(self.app(), format!("http://{}/", pods.address().await?.ip()))?;
        unfinished.0 = None;
        Ok(())
    }

    /// Builds what both ways need, and makes the directory.
    async fn build(&self, steps: &mut Steps) -> anyhow::Result<Programs> {
        let programs =
            steps.step("building mtk-seal and mtk-controller", build::programs()).await?;
        let control_plane = build::control_plane(steps.output());
        let binary = steps.step("building the control plane", control_plane).await?;
        fs::create_dir_all(&self.directory)?;
        symlink(binary, self.kubectl())?;
        Ok(programs)
    }

    async fn start_plane(&self, options: StartOptions) -> anyhow::Result<(Access, Unfinished)> {
        let directory = self.directory.clone();
        // In a task of its own, which a Ctrl-C does not stop half way.
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
        stage::prepare(access.clone(), identity.clone()).await?;
        background::start_controller(&self.directory, binary, &identity, environment).await
    }

    /// What is where, with a node.
    fn places(&self) -> anyhow::Result<String> {
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
             For a day: that long the controller's token is valid.",
            self.server()?,
            controller("api")?,
            controller("metrics")?,
            background::log(&self.directory, background::CONTROLLER).display(),
            self.kubectl().display(),
        ))
    }

    fn end(&self) -> anyhow::Result<bool> {
        let controller = background::stop(&self.directory, background::CONTROLLER)?;
        let aws = background::stop(&self.directory, background::AWS)?;
        let plane = Detached::stop(&self.plane())?;
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("removing {}", self.directory.display()));
            }
            _ => {}
        }
        Ok(controller || aws || plane)
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

/// For a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        assert_eq!(quoted(Path::new("/a b/c")), "'/a b/c'");
        assert_eq!(quoted(Path::new("/it's")), r"'/it'\''s'");
    }
}
