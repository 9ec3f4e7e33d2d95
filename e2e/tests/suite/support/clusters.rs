//! The clusters.

use std::fs;
use std::sync::LazyLock;

use e2e::cluster::{Cluster, NAMESPACE};
use e2e::controller::Controller;
use serde_json::{Value, json};

use super::api::{Api, Kind};

/// The cluster that most tests share, with a controller that has the key `rsa2048` and logs all.
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) controller: Controller,
}

/// A cluster of one's own, for as long as it is held. It has no controller and no SealedSecret.
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

/// The shared cluster. It ends with this process.
pub(crate) fn shared() -> &'static Shared {
    &SHARED
}

/// Waits for one's turn on the private cluster.
pub(crate) async fn private() -> Private {
    let mut turn = PRIVATE.lock().await;
    if turn.is_none() {
        *turn = Some(Cluster::start().unwrap());
    }
    let private = Private { turn };
    let cluster = private.cluster();
    // Whatever the last one left.
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
        self.turn.as_ref().expect("it was started")
    }

    /// A client, as the admin.
    pub(crate) async fn api(&self) -> Api {
        Api::of(self.cluster()).await
    }
}

/// A key Secret of a test key, as the controller makes them.
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
