//! Two replicas of the controller, each with an identity of its own, so that the audit log tells them apart.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use e2e::cluster::NAMESPACE;
use e2e::controller::Controller;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Api, Kind, Private, eventually, key_secret, sealed};

/// The default name.
pub(super) const LEASE: &str = "mtk-controller";
const LEADS: &str = "leader_election_master_status{name=\"mtk-controller\"}";
/// The namespace of the replicas' ServiceAccounts.
const ACCOUNTS: &str = "mtk-replicas";
pub(super) const SLOTS: [&str; 2] = ["a", "b"];
const FLAGS: [&str; 4] = [
    "--leader-elect",
    "--namespace=kube-system",
    "--certificate-config-map=mtk-controller-certificate",
    "--key-renew-period=0",
];
/// Between two changes of the load.
const PAUSE: Duration = Duration::from_millis(10);

/// The parts that all replicas of a test share.
pub(super) struct Replicas<'p> {
    private: &'p Private,
    pub(super) api: Api,
    /// The namespace of the objects.
    pub(super) namespace: String,
    started: AtomicU32,
}

/// A process. Dropping it kills it (SIGKILL).
pub(super) struct Replica {
    /// The name of its ServiceAccount.
    pub(super) slot: &'static str,
    pub(super) controller: Controller,
}

/// Changes objects, one after another, until it is ended.
pub(super) struct Load {
    pub(super) api: Api,
    pub(super) namespace: String,
    stop: Arc<AtomicBool>,
    task: JoinHandle<BTreeMap<String, u64>>,
}

impl<'p> Replicas<'p> {
    pub(super) async fn new(private: &'p Private, namespace: &str) -> Self {
        let api = private.api().await;
        api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
        private.kubectl(&[
            "delete",
            "lease",
            LEASE,
            "--namespace",
            NAMESPACE,
            "--ignore-not-found",
        ]);
        for object in accounts() {
            private.cluster().apply(&object).unwrap();
        }
        let this =
            Self { private, namespace: api.namespace(namespace).await, api, started: 0.into() };
        for slot in SLOTS {
            let access = private.cluster().plane().access();
            access.service_account_kubeconfig(ACCOUNTS, slot, &this.kubeconfig(slot)).unwrap();
        }
        this
    }

    /// A leader and a standby, both ready.
    pub(super) async fn pair(&self) -> (Replica, Replica) {
        let leader = self.start(SLOTS[0]);
        eventually("the first replica leads", async || leader.leads().then_some(())).await;
        let standby = self.start(SLOTS[1]);
        (leader, standby)
    }

    /// Starts a replica, and waits until it is ready.
    pub(super) fn start(&self, slot: &'static str) -> Replica {
        let Replica { controller, .. } = self.spawn(slot);
        Replica { slot, controller: controller.ready().unwrap() }
    }

    /// Starts a replica.
    pub(super) fn spawn(&self, slot: &'static str) -> Replica {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = self.file(&format!("{}-{number}.log", self.namespace));
        let controller = Controller::spawn(&self.kubeconfig(slot), &log, "127.0.0.1:0", &FLAGS);
        Replica { slot, controller: controller.unwrap() }
    }

    /// The requests of all processes of this slot that changed something, except the lease: `VERB
    /// RESOURCE/NAME`.
    pub(super) fn writes(&self, slot: &str) -> Vec<String> {
        let user = format!("system:serviceaccount:{ACCOUNTS}:{slot}");
        let reads = ["get", "list", "watch"];
        let mut requests = self.private.cluster().plane().requests().unwrap();
        requests.retain(|request| {
            request.user == user
                && request.resource != "leases"
                && !reads.contains(&request.verb.as_str())
        });
        let shown = |request: &e2e::controlplane::Request| {
            format!("{} {}/{}", request.verb, request.resource, request.name)
        };
        requests.iter().map(shown).collect()
    }

    fn kubeconfig(&self, slot: &str) -> PathBuf {
        self.file(&format!("replica-{slot}.kubeconfig"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.private.cluster().plane().directory().join(name)
    }
}

impl Replica {
    /// By its own metrics. A process that does not answer does not lead.
    pub(super) fn leads(&self) -> bool {
        let log = self.controller.log().unwrap_or_default();
        let addresses = e2e::controller::addresses(&log);
        let metrics = addresses.get("metrics").map(|at| e2e::controller::get(*at, "/metrics"));
        let line = format!("{LEADS} 1");
        metrics.is_some_and(|text| text.is_ok_and(|text| text.lines().any(|one| one == line)))
    }

    pub(super) fn log(&self) -> String {
        self.controller.log().unwrap()
    }

    pub(super) async fn wait_for_end(&self) {
        eventually("the process ends", async || (!self.controller.runs()).then_some(())).await;
    }
}

impl Load {
    pub(super) fn start(replicas: &Replicas<'_>, objects: usize) -> Self {
        let (api, namespace) = (replicas.api.clone(), replicas.namespace.clone());
        let stop = Arc::new(AtomicBool::new(false));
        let (changing, of, stopped) = (api.clone(), namespace.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut last = BTreeMap::new();
            let mut changes = 0..;
            // Each object is created, even if the load ends early.
            while last.len() < objects || !stopped.load(Ordering::Relaxed) {
                let change = changes.next().unwrap_or_default();
                let name = format!("load{:03}", change % objects as u64);
                let value = change.to_string();
                changing.apply(Kind::SealedSecret, &sealed(&of, &name, &[("A", &value)])).await;
                last.insert(name, change);
                tokio::time::sleep(PAUSE).await;
            }
            last
        });
        Self { api, namespace, stop, task }
    }

    /// Stops the changes. Returns the last value of each object.
    pub(super) async fn end(self) -> BTreeMap<String, u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// The data of a Secret with this value of the load.
pub(super) fn changed(value: u64) -> String {
    format!("A={value}")
}

/// The identities of the replicas, with the rights of the controller and those for the lease.
fn accounts() -> Vec<Value> {
    let rbac = "rbac.authorization.k8s.io";
    let subjects = json!([{
        "apiGroup": rbac, "kind": "Group", "name": format!("system:serviceaccounts:{ACCOUNTS}"),
    }]);
    let bind = |kind: &str, role: &str| {
        let mut metadata = json!({ "name": format!("{ACCOUNTS}-{role}") });
        if kind == "Role" {
            metadata["namespace"] = json!(NAMESPACE);
        }
        json!({
            "apiVersion": format!("{rbac}/v1"), "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": { "apiGroup": rbac, "kind": kind, "name": role }, "subjects": subjects,
        })
    };
    // As the chart renders it with two replicas.
    let lease = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "Role",
        "metadata": { "name": "mtk-controller-leader-election", "namespace": NAMESPACE },
        "rules": [
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"] },
            { "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
              "resourceNames": [LEASE], "verbs": ["get", "update"] },
        ],
    });
    let account = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "name": name, "namespace": ACCOUNTS } })
    };
    vec![
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": ACCOUNTS } }),
        account(SLOTS[0]),
        account(SLOTS[1]),
        lease,
        bind("ClusterRole", "mtk-controller"),
        bind("Role", "mtk-controller-certificate"),
        bind("Role", "mtk-controller-leader-election"),
    ]
}
