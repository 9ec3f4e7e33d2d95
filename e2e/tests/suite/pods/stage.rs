//! The node, with the controller.

use std::env;
use std::process::Stdio;
use std::sync::LazyLock;

use e2e::aws::Aws;
use e2e::controlplane::{self, ControlPlane, StartOptions};
use e2e::helm::{Helm, Release};
use e2e::tls_proxy::TlsProxy;
use e2e::{moto, programs};
use serde_json::json;

use super::app::with;
use crate::support::{Api, key_secret, skip};

/// The controller's release.
pub(super) const CONTROLLER: Release<'_> =
    Release { name: "mtk-controller", namespace: "kube-system" };
/// Its chart.
pub(super) const CONTROLLER_CHART: &str = "deploy/charts/mtk-controller";

/// The ConfigMap with the certificate authority of AWS.
const AUTHORITY: &str = "aws-authority";

/// A node on which the controller runs, with the key `rsa2048`. The controller resyncs each second, and
/// uses an AWS on this machine, over TLS.
pub(super) struct Stage {
    pub(super) plane: ControlPlane,
    pub(super) aws: Aws,
    /// Pods reach AWS through it, and trust it by the chart's `externalSecrets.caBundle`.
    _tls: TlsProxy,
    /// The newest major version.
    pub(super) helm: Helm,
    /// The major version before it.
    pub(super) helm3: Helm,
}

static STAGE: LazyLock<Option<Stage>> = LazyLock::new(|| match controlplane::node::missing() {
    missing if missing.is_empty() => Some(Stage::start().unwrap()),
    missing if env::var_os("MTK_REQUIRE_NODE").is_some() => panic!("no node: {missing:?}"),
    missing => {
        skip(&format!("no node for real Pods: {missing:?}"));
        None
    }
});

/// The node, or `None` if none can run here.
pub(super) fn stage() -> Option<&'static Stage> {
    STAGE.as_ref()
}

/// A node that only has the images.
pub(super) fn node() -> anyhow::Result<ControlPlane> {
    let options = StartOptions { audit: true, node: true, ..StartOptions::default() };
    let plane = ControlPlane::start(&options)?;
    let node = plane.access().node().expect("it was asked for");
    for image in ["MTK_CONTROLLER_IMAGE", "MTK_APP_IMAGE"] {
        node.load_image(&programs::made(image)?)?;
    }
    Ok(plane)
}

impl Stage {
    fn start() -> anyhow::Result<Stage> {
        let plane = node()?;
        let [helm, helm3] = [programs::made("MTK_HELM4")?, programs::made("MTK_HELM3")?]
            .map(|binary| Helm::new(&binary, plane.access()));
        let host = plane.access().node().expect("it was asked for").host_address();
        let aws = Aws::start_of(&programs::moto()?)?;
        let tls = TlsProxy::start(plane.access().binary(), host, aws.address())?;
        let authority = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "namespace": CONTROLLER.namespace, "name": AUTHORITY },
            "data": { "ca.crt": tls.authority_pem()? },
        });
        let values = moto::chart_values(&format!("https://{}", tls.address()), AUTHORITY);
        let stage = Stage { plane, aws, _tls: tls, helm, helm3 };
        for object in [key_secret("kube-system", "rsa2048"), authority] {
            stage.kubectl(&["apply", "-f", "-"], &object.to_string());
        }
        let ours = json!({
            "image": { "pullPolicy": "Never" },
            "restart": { "enabled": true },
            "resyncPeriod": "1s",
        });
        stage.helm.upgrade(CONTROLLER, CONTROLLER_CHART, &with(values, ours))?;
        Ok(stage)
    }

    /// A client, as the admin.
    pub(super) async fn api(&self) -> Api {
        Api::at(self.plane.kubeconfig()).await
    }

    /// Runs kubectl as the admin with this input, and returns its output.
    pub(super) fn kubectl(&self, arguments: &[&str], input: &str) -> String {
        let output = self.try_kubectl(arguments, input);
        output.unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
    }

    /// Like `kubectl`, for a command that may fail: returns what it wrote.
    pub(super) fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut child = self
            .plane
            .kubectl()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr) + &text(&output.stdout))
        }
    }
}
