//! The two clusters of the tests.

use std::fs;
use std::sync::LazyLock;

use e2e::cluster::{Cluster, NAMESPACE};
use e2e::controller::Controller;
use serde_json::{Value, json};

use super::api::{Api, Kind};

/// The cluster that most tests share. Its controller has the key `rsa2048` and logs at level debug.
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) controller: Controller,
}

/// Exclusive use of the second cluster. It has no controller and no SealedSecret.
pub(crate) struct Private {
    turn: tokio::sync::MutexGuard<'static, Option<Cluster>>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let cluster = Cluster::start().unwrap();
    cluster.apply(&key_secret(NAMESPACE, "rsa2048")).unwrap();
    let controller = cluster.controller(&["--log-level=debug"]).unwrap();
    Shared { cluster, controller }
});

static PRIVATE: tokio::sync::Mutex<Option<Cluster>> = tokio::sync::Mutex::const_new(None);

/// The shared cluster. It stops with this process.
pub(crate) fn shared() -> &'static Shared {
    &SHARED
}

/// Waits for exclusive use of the second cluster.
pub(crate) async fn private() -> Private {
    let mut turn = PRIVATE.lock().await;
    if turn.is_none() {
        *turn = Some(Cluster::start().unwrap());
    }
    let private = Private { turn };
    let cluster = private.cluster();
    // Remove everything that the previous test left.
    e2e::cluster::install(cluster.plane().access()).unwrap();
    e2e::cluster::forbid_delete(cluster.plane().access()).unwrap();
    let api = Api::of(cluster).await;
    api.clear(Kind::SealedSecret).await;
    api.clear(Kind::ExternalSecret).await;
    api.clear(Kind::SecretStore).await;
    api.clear(Kind::Secret).await;
    private
}

impl Shared {
    /// A client of the shared cluster, as the admin.
    pub(crate) async fn api(&self) -> Api {
        Api::of(&self.cluster).await
    }
}

impl Private {
    pub(crate) fn cluster(&self) -> &Cluster {
        self.turn.as_ref().expect("the cluster is running")
    }

    /// A client, as the admin.
    pub(crate) async fn api(&self) -> Api {
        Api::of(self.cluster()).await
    }

    /// The output of kubectl, as the admin.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.cluster().plane().kubectl().args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The key Secret of a test key, as the controller creates it.
pub(crate) fn key_secret(namespace: &str, key: &str) -> Value {
    let [private, certificate] = key_pair(key);
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {
            "namespace": namespace, "name": format!("sealed-secrets-key-{key}"),
            "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
        },
        "stringData": { "tls.key": private, "tls.crt": certificate },
    })
}

/// A test key and its certificate, as PEM.
pub(crate) fn key_pair(key: &str) -> [String; 2] {
    ["key", "crt"].map(|suffix| {
        let file = format!("sealing/tests/vectors/keys/{key}.{suffix}");
        fs::read_to_string(e2e::programs::repository(&file)).unwrap()
    })
}
