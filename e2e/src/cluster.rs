//! A control plane with our custom resources and the controller's rights in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use serde_json::{Value, json};

#[cfg(feature = "aws")]
use crate::aws::Aws;
use crate::controller::Controller;
use crate::controlplane::{Access, ControlPlane, Request, StartOptions};
use crate::programs;

/// The controller's namespace and `ServiceAccount`, as in `deploy/install.yaml`.
pub const NAMESPACE: &str = "kube-system";
/// The controller's `ServiceAccount`, and so the name of its Service and roles.
pub const SERVICE_ACCOUNT: &str = "mtk-controller";
/// The controller, as the API server and its audit log name it.
pub const USER: &str = "system:serviceaccount:kube-system:mtk-controller";

/// A control plane in which a controller can run. Dropping it ends it.
#[derive(Debug)]
pub struct Cluster {
    plane: ControlPlane,
    identity: PathBuf,
    started: AtomicU32,
}

impl Cluster {
    /// Starts a control plane with an audit log, and installs the controller's CRDs and
    /// permissions.
    pub fn start() -> anyhow::Result<Cluster> {
        Cluster::start_with(&StartOptions { audit: true, ..StartOptions::default() })
    }

    /// Starts a control plane with these options, and installs the controller's CRDs and
    /// permissions.
    pub fn start_with(options: &StartOptions) -> anyhow::Result<Cluster> {
        let plane = ControlPlane::start(options)?;
        let identity = plane.directory().join("mtk-controller.kubeconfig");
        install_with_identity(plane.access(), &identity)?;
        Ok(Cluster { plane, identity, started: AtomicU32::new(0) })
    }

    /// The control plane.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// Creates or updates the object as the admin.
    pub fn apply(&self, object: &Value) -> anyhow::Result<()> {
        apply(self.plane.access(), &["-f", "-"], Some(object))
    }

    /// Starts a controller as the `ServiceAccount`, with these flags, on free ports of loopback, and
    /// returns when it is ready.
    pub fn controller(&self, arguments: &[&str]) -> anyhow::Result<Controller> {
        self.spawn_controller("127.0.0.1:0", arguments)?.ready()
    }

    /// Like [`Cluster::controller`], with a controller that uses this AWS.
    #[cfg(feature = "aws")]
    pub fn controller_with(&self, aws: &Aws, arguments: &[&str]) -> anyhow::Result<Controller> {
        self.controller_in(&aws.environment(), arguments)
    }

    /// Like [`Cluster::controller`], with these variables in the environment.
    pub fn controller_in(
        &self,
        environment: &[(String, String)],
        arguments: &[&str],
    ) -> anyhow::Result<Controller> {
        let (log, program) = (self.next_log(), programs::controller()?);
        let identity = &self.identity;
        Controller::spawn_program(&program, identity, &log, "127.0.0.1:0", arguments, environment)?
            .ready()
    }

    /// Starts a controller with its certificate endpoint at this address, and does not wait.
    pub fn spawn_controller(&self, listen: &str, arguments: &[&str]) -> anyhow::Result<Controller> {
        Controller::spawn(&self.identity, &self.next_log(), listen, arguments)
    }

    fn next_log(&self) -> PathBuf {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        self.plane.directory().join(format!("mtk-controller-{number}.log"))
    }

    /// The controller's requests to the API server, oldest first.
    pub fn requests(&self) -> anyhow::Result<Vec<Request>> {
        let mut requests = self.plane.requests()?;
        requests.retain(|request| request.user == USER);
        Ok(requests)
    }

    /// The controller's writes, oldest first.
    pub fn writes(&self) -> anyhow::Result<Vec<Request>> {
        let mut requests = self.requests()?;
        requests.retain(|request| !["get", "list", "watch"].contains(&request.verb.as_str()));
        Ok(requests)
    }
}

/// Installs the custom resources and the controller's rights, and writes a kubeconfig with which a
/// process of this machine authenticates as the controller's `ServiceAccount`.
pub fn install_with_identity(access: &Access, kubeconfig: &Path) -> anyhow::Result<()> {
    install(access)?;
    access.service_account_kubeconfig(NAMESPACE, SERVICE_ACCOUNT, kubeconfig)
}

/// Installs the custom resources and the controller's identity and rights: the part of
/// `deploy/install.yaml` that a controller outside the cluster needs.
pub fn install(access: &Access) -> anyhow::Result<()> {
    let crds = programs::repository("crds/manifests");
    apply(access, &["-f", path(&crds)?], None)?;
    let manifests = programs::repository("deploy/install.yaml");
    let rendered = kubectl(
        access,
        &["create", "--dry-run=client", "-o", "json", "-f", path(&manifests)?],
        None,
    )?;
    let objects = serde_json::Deserializer::from_str(&rendered)
        .into_iter::<Value>()
        .collect::<Result<Vec<_>, _>>()
        .context("reading the manifests of the controller")?;
    let rights: Vec<_> = objects.into_iter().flat_map(items).filter(is_about_rights).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": rights });
    apply(access, &["-f", "-"], Some(&list))?;
    kubectl(
        access,
        &[
            "wait",
            "--for=condition=Established",
            "crd/sealedsecrets.bitnami.com",
            "crd/externalsecrets.external-secrets.io",
            "crd/secretstores.external-secrets.io",
            "crd/clustersecretstores.external-secrets.io",
        ],
        None,
    )?;
    Ok(())
}

/// Lets the controller delete Secrets, as the chart's `externalSecrets.allowDelete` does.
pub fn allow_delete(access: &Access) -> anyhow::Result<()> {
    let (group, name) = ("rbac.authorization.k8s.io", "mtk-controller-delete");
    let role = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": { "name": name },
        "rules": [{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["delete"] }],
    });
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE }],
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [role, binding] });
    apply(access, &["-f", "-"], Some(&list))
}

/// Revokes the permission to delete Secrets.
pub fn forbid_delete(access: &Access) -> anyhow::Result<()> {
    let what = ["delete", "clusterrolebinding", "mtk-controller-delete", "--ignore-not-found"];
    kubectl(access, &what, None).map(drop)
}

fn items(mut object: Value) -> Vec<Value> {
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => vec![object],
    }
}

fn is_about_rights(object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    kind == "ServiceAccount" || kind.contains("Role")
}

fn apply(access: &Access, what: &[&str], input: Option<&Value>) -> anyhow::Result<()> {
    let command = [&["apply", "--server-side", "--force-conflicts"], what].concat();
    kubectl(access, &command, input).map(drop)
}

fn kubectl(access: &Access, arguments: &[&str], input: Option<&Value>) -> anyhow::Result<String> {
    let mut command: Command = access.kubectl();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().context("starting kubectl")?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.to_string().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!(
            "kubectl {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim_end(),
        );
    }
    String::from_utf8(output.stdout).context("the output of kubectl is not text")
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the repository's path is not UTF-8")
}
