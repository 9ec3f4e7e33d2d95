//! A controller without its watches: what they would tell, the tests tell.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc, time::Duration};

use jiff::SignedDuration;
use mtk_controller::{
    key::ObjectKey,
    keys::{KeyMetrics, KeySettings, KeyStore},
    runtime::events::EventPublisher,
    runtime::namespaces::Namespaces,
    runtime::queue::{Priority, WorkQueue},
    sealed::{
        SealedIndex, SealedSecretController,
        metrics::SealedSecretMetrics,
        render::{self, Renderer},
        unseal::Unsealer,
    },
    target::{SecretIndex, Writer, fingerprint::MacKey, policy::Policy},
};
use prometheus_client::registry::Registry;
use sealing::{Certificate, Scope};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::api::Api;

pub(crate) const NAMESPACE: &str = "team";
pub(crate) const NAME: &str = "s";

/// A controller that was told of one SealedSecret with the item `A` = `1`.
pub(crate) struct Controller {
    pub(crate) api: Api,
    pub(crate) reconciler: SealedSecretController,
    pub(crate) key: ObjectKey,
}

/// The count of RSA operations is the process's: tests take turns.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

impl Controller {
    pub(crate) async fn start() -> Self {
        let [private_key, certificate] = ["key", "crt"].map(|suffix| {
            let vectors =
                PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sealing/tests/vectors");
            fs::read(vectors.join(format!("keys/rsa2048.{suffix}"))).expect("a test key")
        });
        let sealed = sealed(&certificate);
        let (api, client) = Api::start(key_secret(&private_key, &certificate), sealed.clone());
        let settings = KeySettings {
            prefix: "sealed-secrets-key".to_owned(),
            bits: 2048,
            common_name: String::new(),
            lifetime: SignedDuration::from_hours(1),
        };
        let mut registry = Registry::default();
        let keys =
            Arc::new(KeyStore::new("kube-system", settings, KeyMetrics::register(&mut registry)));
        keys.load(&client).await.expect("the key is there");
        let mac_key = Arc::new(MacKey::from_bytes(&[7; MacKey::BYTES]).expect("a key"));
        let secrets = Arc::new(SecretIndex::new(mac_key.clone()));
        let reconciler = SealedSecretController {
            objects: Arc::new(SealedIndex::new(mac_key.clone())),
            writer: Writer::new(client.clone(), secrets.clone()),
            secrets,
            namespaces: Arc::new(Namespaces::default()),
            keys,
            opener: Unsealer::new(2),
            renderer: Renderer::new(render::Settings::default(), 1),
            mac_key,
            policy: Policy {
                namespace: "kube-system".to_owned(),
                key_prefix: "sealed-secrets-key".to_owned(),
                allowed_types: BTreeSet::new(),
            },
            accepts_legacy_data: true,
            externals: None,
            queue: Arc::new(WorkQueue::default()),
            events: EventPublisher::new(client.clone(), String::new()),
            metrics: SealedSecretMetrics::register(&mut registry, true),
            restarts: None,
            client,
        };
        let key = ObjectKey { namespace: NAMESPACE.to_owned(), name: NAME.to_owned() };
        let object = serde_json::from_value(sealed).expect("a SealedSecret");
        reconciler.objects.note(&Arc::new(object));
        let controller = Self { api, reconciler, key };
        controller.look_again();
        controller
    }

    /// One pass, when the queue gives the object.
    pub(crate) async fn pass(&self) {
        let hour = Duration::from_hours(1);
        let next = tokio::time::timeout(hour, self.reconciler.queue.next()).await;
        let key = next.expect("the object is to be looked at again");
        self.reconciler.reconcile(&key).await;
        self.reconciler.queue.done(&key);
    }

    /// As a watch event does.
    pub(crate) fn look_again(&self) {
        self.reconciler.queue.add(self.key.clone(), Priority::Change, Duration::ZERO);
    }

    /// Somebody edits the Secret, and the watch tells.
    pub(crate) fn edit_secret(&self, patch: &Value) {
        self.api.edit_secret(patch);
        let secret = serde_json::from_value(self.api.secret()).expect("a Secret");
        self.reconciler.secrets.upsert(&secret);
    }

    /// The watch tells that the Secret is gone.
    pub(crate) fn forget_secret(&self) {
        self.reconciler.secrets.retain(|_| false);
    }
}

/// The condition of this type, as the API server has it.
pub(crate) fn condition(api: &Api, type_: &str) -> Value {
    let sealed = api.sealed();
    let conditions = sealed["status"]["conditions"].as_array().expect("a status");
    let condition = conditions.iter().find(|condition| condition["type"] == type_);
    condition.expect("the condition").clone()
}

fn sealed(certificate: &[u8]) -> Value {
    let certificate = Certificate::from_pem(certificate).expect("a test certificate");
    let label = Scope::Strict.label(NAMESPACE, NAME);
    let item = certificate.seal(&label, b"1").expect("sealed");
    json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "namespace": NAMESPACE, "name": NAME, "uid": "sealed-uid", "generation": 1 },
        "spec": { "encryptedData": { "A": item } },
    })
}

fn key_secret(private_key: &[u8], certificate: &[u8]) -> Value {
    let encode = |bytes| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    json!({
        "metadata": { "namespace": "kube-system", "name": "sealed-secrets-keyabcde",
                      "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" } },
        "data": { "tls.key": encode(private_key), "tls.crt": encode(certificate) },
    })
}
