//! The controller and the app, installed by their charts, with sealed values.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use e2e::controller::get;
use e2e::controlplane::Access;
use e2e::load::Load;
use serde_json::Value;

use super::images::NodeImages;
use crate::paths;
use crate::runner::{Output, Steps};
use crate::shell::Shell;
use crate::values;

const SEAL: &str = "mtk-seal < secrets.env > sealed.yaml";
const DEPLOY: &str = "helm upgrade --install web charts/app -n demo --set image.pullPolicy=Never \
    --set secrets.sealedSecret.enabled=true --set-file secrets.sealedSecret.manifest=sealed.yaml \
    --wait --hide-notes";
/// The namespace of the app with sealed values.
const SEALED: &str = "demo";
/// A rolling restart takes up to a minute on a busy machine.
const ROLLOUT_TIMEOUT: Duration = Duration::from_mins(2);

/// A node, and a shell on it.
#[derive(Debug)]
pub(crate) struct NodeSession {
    access: Access,
    pub(super) shell: Shell,
    images: [PathBuf; 2],
}

impl NodeSession {
    /// A session with a shell in a new subdirectory of this directory.
    pub(crate) fn new(
        home: &Path,
        access: &Access,
        seal: &Path,
        images: &NodeImages,
        output: Output,
    ) -> anyhow::Result<NodeSession> {
        let programs = [("mtk-seal", seal), ("helm", &images.helm)];
        let shell = Shell::new(home, access, &programs, output)?;
        symlink(paths::root().join("deploy/charts"), shell.directory().join("charts"))?;
        let images = [images.controller.clone(), images.app.clone()];
        Ok(NodeSession { access: access.clone(), shell, images })
    }

    /// Installs both, and checks that the app has the sealed values.
    pub(crate) async fn deploy(&self, steps: &mut Steps) -> anyhow::Result<()> {
        steps.step("load the images", self.load_images()).await?;
        let what = "install the controller with its chart: in a Pod, with its own rights";
        steps.step(what, self.install_controller("")).await?;
        steps.step("seal the app's secrets", self.seal()).await?;
        steps.step("install the app with its chart", self.app()).await
    }

    /// Changes a value during requests.
    pub(crate) async fn change(&self, steps: &mut Steps) -> anyhow::Result<()> {
        let what = "change a sealed value while requests are made";
        steps.step(what, self.changed()).await
    }

    /// The address of the app with sealed values.
    pub(crate) async fn address(&self) -> anyhow::Result<SocketAddr> {
        self.address_in(SEALED).await
    }

    async fn address_in(&self, namespace: &str) -> anyhow::Result<SocketAddr> {
        let path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
        let ip = format!("kubectl get service web -n {namespace} -o '{path}'");
        let ip: IpAddr = self.shell.quietly(&ip).await?.trim().parse()?;
        Ok(SocketAddr::new(ip, 80))
    }

    async fn load_images(&self) -> anyhow::Result<()> {
        let (access, images) = (self.access.clone(), self.images.clone());
        let load = move || {
            let node = access.node().context("the control plane has no node")?;
            images.iter().try_for_each(|image| node.load_image(image).map(drop))
        };
        tokio::task::spawn_blocking(load).await?
    }

    /// Installs or upgrades the controller, with more flags.
    pub(super) async fn install_controller(&self, flags: &str) -> anyhow::Result<()> {
        self.shell
            .run(&format!(
                "helm upgrade --install mtk-controller charts/mtk-controller -n kube-system \
                 --set image.pullPolicy=Never --set restart.enabled=true {flags} --wait --hide-notes"
            ))
            .await?;
        self.shell.run("kubectl get pods -n kube-system").await
    }

    async fn seal(&self) -> anyhow::Result<()> {
        let example = paths::root().join("deploy/app/secrets.env.example");
        fs::copy(&example, self.shell.directory().join("secrets.env"))
            .with_context(|| format!("reading {}", example.display()))?;
        self.shell
            .remark("the certificate comes from the controller, through the API server's proxy");
        self.shell.run("mtk-seal init --name app --namespace demo").await?;
        self.shell.run(SEAL).await
    }

    async fn app(&self) -> anyhow::Result<()> {
        self.namespace(SEALED).await?;
        self.shell.run(DEPLOY).await?;
        self.shell.run("kubectl get sealedsecrets,secrets,pods,services -n demo").await?;
        self.compare(SEALED).await
    }

    async fn changed(&self) -> anyhow::Result<()> {
        self.edit("API_TOKEN", "dummy-rotated-in-a-pod")?;
        self.restarts_once(SEALED, async {
            self.shell.run(SEAL).await?;
            self.shell.run(DEPLOY).await
        })
        .await
    }

    /// A namespace that admits only restricted Pods.
    pub(super) async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        self.shell
            .run(&format!(
                "kubectl create namespace {name} --dry-run=client -o yaml | kubectl label -f - \
                 --local pod-security.kubernetes.io/enforce=restricted -o yaml | \
                 kubectl apply -f -"
            ))
            .await
    }

    /// Fails unless the app has the values of `secrets.env`.
    pub(super) async fn compare(&self, namespace: &str) -> anyhow::Result<()> {
        self.shell.run(&check(namespace)).await?;
        let address = self.address_in(namespace).await?;
        let answer = tokio::task::spawn_blocking(move || get(address, "/")).await??;
        let answer: Value = serde_json::from_str(&answer).context("the app's answer")?;
        let names = answer["secrets"].as_array().context("the app's answer names no secrets")?;
        let names: Vec<_> = names.iter().filter_map(|secret| secret["name"].as_str()).collect();
        self.shell.remark(&format!("http://{}/ has {}", address.ip(), names.join(", ")));
        Ok(())
    }

    /// The values of `secrets.env`.
    pub(super) fn values(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.shell.directory().join("secrets.env"))?)
    }

    /// Changes a value of `secrets.env`.
    pub(super) fn edit(&self, key: &str, value: &str) -> anyhow::Result<()> {
        let text = values::with(&self.values()?, key, value);
        fs::write(self.shell.directory().join("secrets.env"), text)?;
        self.shell.remark(&format!("secrets.env has a new {key}"));
        Ok(())
    }

    /// Fails unless the app gets the values of `secrets.env` after this change, with one rolling
    /// restart and without a failed request.
    pub(super) async fn restarts_once(
        &self,
        namespace: &str,
        change: impl Future<Output = anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let check = check(namespace);
        let before = self.revision(namespace).await?;
        ensure!(self.shell.quietly(&check).await.is_err(), "the comparison cannot fail");
        let load = Load::start(self.address_in(namespace).await?, "/");
        change.await?;
        let started = Instant::now();
        while self.shell.quietly(&check).await.is_err() {
            if started.elapsed() > ROLLOUT_TIMEOUT {
                bail!("the app did not get the new value in time");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let took = started.elapsed().as_secs_f64();
        self.shell.remark(&format!("the app has the new value {took:.0} s later"));
        self.shell
            .run(&format!("kubectl rollout status deploy/web -n {namespace} --timeout=120s"))
            .await?;
        self.shell.run(&check).await?;
        // A second restart would come soon after the first.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let answers = tokio::task::spawn_blocking(move || load.end()).await??;
        let (good, failed) = (answers.good, answers.failed.len());
        self.shell.remark(&format!("{good} requests succeeded meanwhile, {failed} failed"));
        ensure!(answers.failed.is_empty(), "requests failed: {:?}", answers.failed);
        let restarts = self.revision(namespace).await? - before;
        self.shell.remark(&format!("rolling restarts: {restarts}"));
        ensure!(restarts == 1, "{restarts} rolling restarts instead of one");
        Ok(())
    }

    /// The number of Pod templates that the Deployment has had.
    async fn revision(&self, namespace: &str) -> anyhow::Result<u32> {
        let path = r"jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}";
        let get = format!("kubectl get deploy web -n {namespace} -o '{path}'");
        Ok(self.shell.quietly(&get).await?.trim().parse()?)
    }
}

/// A command that compares the app's values with `secrets.env`.
fn check(namespace: &str) -> String {
    format!("kubectl exec -i deploy/web -n {namespace} -- python3 -m app check < secrets.env")
}
