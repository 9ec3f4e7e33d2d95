//! The app with its values in AWS: no value is sealed or in git.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::{events, moto};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::app::NodeSession;
use crate::runner::Steps;
use crate::values;

/// The namespace of the app with values from AWS.
const NAMESPACE: &str = "demo-aws";
/// The secret in AWS.
const SECRET: &str = "demo/app";

const STORE: &str = "\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: aws, namespace: demo-aws}
spec: {provider: {aws: {service: SecretsManager, region: eu-west-1}}}
";

const EXTERNAL: &str = "\
secrets:
  names: [API_TOKEN, DB_HOST, DB_USER, SMTP_PASSWORD]
  externalSecret:
    enabled: true
    storeRef: {name: aws}
    refreshInterval: 1h
    dataFrom:
      - extract: {key: demo/app}
";

const DEPLOY: &str = "helm upgrade --install web charts/app -n demo-aws -f external.yaml \
    --set image.pullPolicy=Never --wait --hide-notes";

/// The event proves the path a moment after the Secret has changed.
const PROVED: &str =
    "kubectl wait secretstore/aws -n demo-aws --for=condition=Events --timeout=30s";

/// Prints the message of the store about events.
const EVENTS: &str = "kubectl get secretstore aws -n demo-aws \
    -o jsonpath='{.status.conditions[?(@.type==\"Events\")].message}{\"\\n\"}'";

/// Far less than the refresh interval.
const EVENT_TIMEOUT: Duration = Duration::from_secs(60);

/// The ConfigMap with the certificate authority of AWS.
const AUTHORITY: &str = "aws-authority";

/// An AWS emulator behind TLS, where Pods reach it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwsOverTls<'a> {
    pub(crate) address: SocketAddr,
    /// The file with the certificate of its authority.
    pub(crate) authority: &'a Path,
    /// The URL of a queue with events.
    pub(crate) queue: Option<&'a str>,
}

/// moto, where this process changes values, and the queue in which it announces them as AWS does.
#[derive(Clone, Debug)]
pub(crate) struct Announcing {
    pub(crate) moto: SocketAddr,
    pub(crate) queue: String,
}

impl NodeSession {
    /// Gives the controller access to this AWS.
    pub(crate) async fn connect_to_aws(
        &self,
        steps: &mut Steps,
        aws: AwsOverTls<'_>,
    ) -> anyhow::Result<()> {
        steps.step("give the controller access to AWS", self.trust_aws(aws)).await
    }

    async fn trust_aws(&self, aws: AwsOverTls<'_>) -> anyhow::Result<()> {
        let directory = self.shell.directory();
        fs::copy(aws.authority, directory.join("ca.crt")).context("copying ca.crt")?;
        let mut values = moto::chart_values(&format!("https://{}", aws.address), AUTHORITY);
        if let Some(queue) = aws.queue {
            let queue = json!({ "url": queue, "region": moto::REGION });
            values["externalSecrets"]["eventQueues"] = json!([queue]);
        }
        // JSON is YAML.
        fs::write(directory.join("controller.yaml"), values.to_string())?;
        self.shell.remark("AWS is moto on this machine, over TLS; controller.yaml names it");
        self.shell
            .run(&format!("kubectl create configmap {AUTHORITY} -n kube-system --from-file=ca.crt"))
            .await?;
        self.install_controller("-f controller.yaml").await
    }

    /// Installs the app with its values in this AWS, then changes a value there.
    pub(crate) async fn show_aws(&self, steps: &mut Steps, aws: &Announcing) -> anyhow::Result<()> {
        let what = "install the same app with its values in AWS";
        steps.step(what, self.external(aws.moto)).await?;
        let what = "change a value in AWS while requests are made: an event announces it";
        steps.step(what, self.rotated(aws)).await
    }

    async fn external(&self, aws: SocketAddr) -> anyhow::Result<()> {
        let values = self.object()?;
        spawn_blocking(move || moto::create_secret(aws, SECRET, &values))
            .await?
            .context("creating the secret in AWS")?;
        self.shell.remark("demo/app in AWS Secrets Manager has the values of secrets.env, as JSON");
        for (file, text) in [("store.yaml", STORE), ("external.yaml", EXTERNAL)] {
            fs::write(self.shell.directory().join(file), text)?;
        }
        self.namespace(NAMESPACE).await?;
        self.shell.run("cat store.yaml external.yaml").await?;
        self.shell.run("kubectl apply -f store.yaml").await?;
        self.shell.run(DEPLOY).await?;
        self.shell.run("kubectl get secretstores,externalsecrets -n demo-aws").await?;
        self.compare(NAMESPACE).await
    }

    async fn rotated(&self, aws: &Announcing) -> anyhow::Result<()> {
        self.edit("DB_PASSWORD", "dummy-rotated-in-aws")?;
        self.restarts_once(NAMESPACE, async {
            let (values, Announcing { moto: address, queue }) = (self.object()?, aws.clone());
            let change = move || {
                let put = moto::put_secret_value(address, SECRET, &values)?;
                moto::send_message(address, &queue, &events::value_put(&put).to_string())
            };
            spawn_blocking(change).await?.context("changing the secret in AWS")?;
            let changed = Instant::now();
            self.shell.remark("demo/app in AWS has it too, and AWS puts an event into the queue");
            self.shell.remark(
                "no command changes the cluster, and the values are read once an hour only",
            );
            self.arrived().await?;
            let took = changed.elapsed().as_secs_f64();
            self.shell
                .remark(&format!("the Secret has the new value {took:.1} s after the change"));
            self.shell.run(PROVED).await?;
            self.shell.run(EVENTS).await
        })
        .await
    }

    /// Waits until the Secret has the values of `secrets.env`.
    async fn arrived(&self) -> anyhow::Result<()> {
        let (expected, begun) = (values::of_file(&self.values()?), Instant::now());
        loop {
            let secret = self.shell.quietly("kubectl get secret app -n demo-aws -o json").await?;
            if values::of_secret(&secret)? == expected {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < EVENT_TIMEOUT,
                "the event did not bring the new value in time"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The values of `secrets.env` as JSON.
    fn object(&self) -> anyhow::Result<String> {
        let values = values::of_file(&self.values()?).into_iter();
        let texts: BTreeMap<_, _> = values
            .map(|(key, value)| (key, String::from_utf8_lossy(&value).into_owned()))
            .collect();
        Ok(serde_json::to_string(&texts)?)
    }
}
