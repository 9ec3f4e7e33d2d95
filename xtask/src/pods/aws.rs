//! The app again, with its values in AWS: nothing is sealed, and nothing is in git.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use anyhow::Context;
use e2e::aws::Aws;
use serde_json::json;

use super::Pods;
use crate::steps::Steps;
use crate::values;

/// Where the app has values from AWS.
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

/// The values of the controller's chart by which it finds AWS.
pub(super) fn controller_values(address: SocketAddr) -> String {
    let variables = e2e::aws::environment(address).into_iter();
    let variables: Vec<_> =
        variables.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    // JSON is YAML.
    json!({ "extraEnv": variables, "externalSecrets": { "allowDelete": true } }).to_string()
}

impl Pods {
    /// Installs the app, which gets its values from this AWS; then a value changes there.
    pub(crate) async fn on_aws(&self, steps: &mut Steps, aws: &Aws) -> anyhow::Result<()> {
        steps.step("the same app with its values in AWS", self.external(aws)).await?;
        let what = "a value changes in AWS, while requests are made";
        steps.step(what, self.rotated(aws)).await
    }

    async fn external(&self, aws: &Aws) -> anyhow::Result<()> {
        let made = aws.secrets().create_secret().name(SECRET).secret_string(self.object()?);
        Box::pin(made.send()).await.context("making the secret in AWS")?;
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

    async fn rotated(&self, aws: &Aws) -> anyhow::Result<()> {
        self.edit("DB_PASSWORD", "dummy-rotated-in-aws")?;
        self.restarts_once(NAMESPACE, async {
            let put = aws.secrets().put_secret_value().secret_id(SECRET);
            let put = put.secret_string(self.object()?);
            Box::pin(put.send()).await.context("changing the secret in AWS")?;
            self.shell.remark("and so has demo/app in AWS: nobody does anything in the cluster");
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
