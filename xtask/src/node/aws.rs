//! The app with its values in AWS: no value is sealed or in git.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use e2e::moto;
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
    refreshInterval: 5s
    dataFrom:
      - extract: {key: demo/app}
";

const DEPLOY: &str = "helm upgrade --install web charts/app -n demo-aws -f external.yaml \
    --set image.pullPolicy=Never --wait --hide-notes";

/// The ConfigMap with the certificate authority of AWS.
const AUTHORITY: &str = "aws-authority";

/// An AWS emulator behind TLS, where Pods reach it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwsOverTls<'a> {
    pub(crate) address: SocketAddr,
    /// The file with the certificate of its authority.
    pub(crate) authority: &'a Path,
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
        let values = moto::chart_values(&format!("https://{}", aws.address), AUTHORITY);
        // JSON is YAML.
        fs::write(directory.join("controller.yaml"), values.to_string())?;
        self.shell.remark("AWS is moto on this machine, over TLS; controller.yaml names it");
        self.shell
            .run(&format!("kubectl create configmap {AUTHORITY} -n kube-system --from-file=ca.crt"))
            .await?;
        self.install_controller("-f controller.yaml").await
    }

    /// Installs the app with its values in this AWS, then changes a value there.
    pub(crate) async fn show_aws(&self, steps: &mut Steps, aws: SocketAddr) -> anyhow::Result<()> {
        steps.step("install the same app with its values in AWS", self.external(aws)).await?;
        let what = "change a value in AWS while requests are made";
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

    async fn rotated(&self, aws: SocketAddr) -> anyhow::Result<()> {
        self.edit("DB_PASSWORD", "dummy-rotated-in-aws")?;
        self.restarts_once(NAMESPACE, async {
            let values = self.object()?;
            spawn_blocking(move || moto::put_secret_value(aws, SECRET, &values))
                .await?
                .context("changing the secret in AWS")?;
            self.shell.remark("demo/app in AWS has it too; no command changes the cluster");
            Ok(())
        })
        .await
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
