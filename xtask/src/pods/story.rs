//! The controller and the app, installed by their charts; and a value that changes. What the app has is
//! sealed, or is in AWS.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use e2e::controller::get;
use e2e::controlplane::Access;
use e2e::load::Load;
use serde_json::Value;

use super::{Parts, aws};
use crate::places;
use crate::shell::Shell;
use crate::steps::{Output, Steps};
use crate::values;

const SEAL: &str = "mtk-seal < secrets.env > sealed.yaml";
const DEPLOY: &str = "helm upgrade --install web charts/app -n demo --set image.pullPolicy=Never \
    --set secrets.sealedSecret.enabled=true --set-file secrets.sealedSecret.manifest=sealed.yaml \
    --wait --hide-notes";
/// Where the app has sealed values.
const SEALED: &str = "demo";
/// How long the app may take to have a new value.
const PATIENCE: Duration = Duration::from_mins(2);

/// A node, and a shell on it.
#[derive(Debug)]
pub(crate) struct Pods {
    access: Access,
    pub(super) shell: Shell,
    images: [std::path::PathBuf; 2],
    aws: Option<SocketAddr>,
}

impl Pods {
    /// With a shell in a new directory of this one. The controller will use the AWS at this address.
    pub(crate) fn new(
        home: &Path,
        access: &Access,
        seal: &Path,
        parts: &Parts,
        aws: Option<SocketAddr>,
        output: Output,
    ) -> anyhow::Result<Pods> {
        let programs = [("mtk-seal", seal), ("helm", &parts.helm)];
        let shell = Shell::new(home, access, &programs, output)?;
        symlink(places::root().join("deploy/charts"), shell.directory().join("charts"))?;
        let images = [parts.controller.clone(), parts.app.clone()];
        Ok(Pods { access: access.clone(), shell, images, aws })
    }

    /// Installs both, until the app answers with the sealed values.
    pub(crate) async fn deploy(&self, steps: &mut Steps) -> anyhow::Result<()> {
        steps.step("loading the images", self.load()).await?;
        let what = "installing the controller by its chart: in a Pod, with its own rights";
        steps.step(what, self.controller()).await?;
        steps.step("sealing the app's secrets", self.seal()).await?;
        steps.step("installing the app by its chart", self.app()).await
    }

    /// Changes a value while somebody uses the app.
    pub(crate) async fn change(&self, steps: &mut Steps) -> anyhow::Result<()> {
        let what = "a sealed value changes, while requests are made";
        steps.step(what, self.changed()).await
    }

    /// Where the app with the sealed values is.
    pub(crate) async fn address(&self) -> anyhow::Result<SocketAddr> {
        self.address_in(SEALED).await
    }

    async fn address_in(&self, namespace: &str) -> anyhow::Result<SocketAddr> {
        let path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
        let ip = format!("kubectl get service web -n {namespace} -o '{path}'");
        let ip: IpAddr = self.shell.quietly(&ip).await?.trim().parse()?;
        Ok(SocketAddr::new(ip, 80))
    }

    async fn load(&self) -> anyhow::Result<()> {
        let (access, images) = (self.access.clone(), self.images.clone());
        let load = move || {
            let node = access.node().context("the control plane has no node")?;
            images.iter().try_for_each(|image| node.load_image(image).map(drop))
        };
        tokio::task::spawn_blocking(load).await?
    }

    async fn controller(&self) -> anyhow::Result<()> {
        let mut values = "--set restart.enabled=true";
        if let Some(address) = self.aws {
            let file = self.shell.directory().join("controller.yaml");
            fs::write(file, aws::controller_values(address))?;
            self.shell.remark("controller.yaml tells it where AWS is: moto, on this machine");
            values = "--set restart.enabled=true -f controller.yaml";
        }
        self.shell
            .run(&format!(
                "helm upgrade --install mtk-controller charts/mtk-controller -n kube-system \
                 --set image.pullPolicy=Never {values} --wait --hide-notes"
            ))
            .await?;
        self.shell.run("kubectl get pods -n kube-system").await
    }

    async fn seal(&self) -> anyhow::Result<()> {
        let example = places::root().join("deploy/app/secrets.env.example");
        fs::copy(&example, self.shell.directory().join("secrets.env"))
            .with_context(|| format!("reading {}", example.display()))?;
        self.shell.remark("the certificate comes from the controller, by the API server's proxy");
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

    /// The app has the values of `secrets.env`, and says which.
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

    /// Gives a value of `secrets.env` another one.
    pub(super) fn edit(&self, key: &str, value: &str) -> anyhow::Result<()> {
        let text = values::with(&self.values()?, key, value);
        fs::write(self.shell.directory().join("secrets.env"), text)?;
        self.shell.remark(&format!("secrets.env has another {key} now"));
        Ok(())
    }

    /// After this change the app gets what is in `secrets.env`, by one rolling restart and without a
    /// request that fails.
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
            if started.elapsed() > PATIENCE {
                bail!("the app does not get the new value");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.shell
            .run(&format!("kubectl rollout status deploy/web -n {namespace} --timeout=120s"))
            .await?;
        self.shell.run(&check).await?;
        // A second restart would come soon after the first.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let answers = tokio::task::spawn_blocking(move || load.end()).await??;
        let (good, failed) = (answers.good, answers.failed.len());
        self.shell.remark(&format!("{good} requests were answered meanwhile, {failed} failed"));
        ensure!(answers.failed.is_empty(), "requests failed: {:?}", answers.failed);
        let restarts = self.revision(namespace).await? - before;
        self.shell.remark(&format!("rolling restarts: {restarts}"));
        ensure!(restarts == 1, "{restarts} rolling restarts instead of one");
        Ok(())
    }

    /// How many Pod templates the Deployment has had.
    async fn revision(&self, namespace: &str) -> anyhow::Result<u32> {
        let path = r"jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}";
        let get = format!("kubectl get deploy web -n {namespace} -o '{path}'");
        Ok(self.shell.quietly(&get).await?.trim().parse()?)
    }
}

/// Compares what the app has with `secrets.env`.
fn check(namespace: &str) -> String {
    format!("kubectl exec -i deploy/web -n {namespace} -- python3 -m app check < secrets.env")
}
