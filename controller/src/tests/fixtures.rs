//! A controller without watches: the tests deliver the events.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use kube::{Client, core::Selector};
use prometheus_client::registry::Registry;
use sealing::{Certificate, Scope};
use serde_json::{Value, json};
use templates::Limits;

use super::api::Api;
use crate::{
    context::{self, Context, TemplateSettings},
    key::ObjectKey,
    keys::{KeySettings, KeyStore},
    runtime::{
        controller::reconcile,
        mac::MacKey,
        queue::{Priority, WorkQueue},
        scope::WatchScope,
        secret::SecretObject,
    },
    sealed::{SealedSecretController, controller::Settings, metrics::SealedSecretMetrics},
    target::{
        policy::Policy,
        watch::{SecretChange, SecretSubscriber as _},
    },
};

pub(crate) const NAMESPACE: &str = "team";
pub(crate) const NAME: &str = "s";

/// A controller with one SealedSecret with the item `A` = `1`.
pub(crate) struct Controller {
    pub(crate) api: Api,
    context: Arc<Context>,
    pub(crate) reconciler: SealedSecretController,
    pub(crate) key: ObjectKey,
}

impl Controller {
    pub(crate) async fn start() -> Self {
        Self::start_with(false).await
    }

    pub(crate) async fn start_with(copies_tool_metadata: bool) -> Self {
        Self::start_configured(copies_tool_metadata, true).await
    }

    /// With `--update-status=false`.
    pub(crate) async fn start_without_status() -> Self {
        Self::start_configured(false, false).await
    }

    async fn start_configured(copies_tool_metadata: bool, writes_status: bool) -> Self {
        let [private_key, certificate] = ["key", "crt"].map(|suffix| {
            let vectors =
                PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sealing/tests/vectors");
            fs::read(vectors.join(format!("keys/rsa2048.{suffix}"))).expect("a test key")
        });
        let sealed = sealed(&certificate);
        let (api, client) = Api::start(key_secret(&private_key, &certificate), sealed.clone());
        let keys = Arc::new(key_store());
        keys.load(&client).await.expect("the key is there");
        let context = context(client, keys, copies_tool_metadata);
        let templates = TemplateSettings {
            limits: Limits::default(),
            time: Duration::from_secs(30),
            memory: Arc::default(),
        };
        let reconciler = SealedSecretController::new(
            context.clone(),
            Arc::new(WorkQueue::new(1)),
            SealedSecretMetrics::register(&mut Registry::default(), true),
            Settings {
                accepts_legacy_data: true,
                writes_status,
                skips_recreate: false,
                templates,
                cores: 1,
            },
            Vec::new(),
        );
        let key = ObjectKey { namespace: NAMESPACE.to_owned(), name: NAME.to_owned() };
        reconciler.object_applied(serde_json::from_value(sealed).expect("a SealedSecret"));
        Self { api, context, reconciler, key }
    }

    /// Reconciles the object when it is due.
    pub(crate) async fn reconcile(&self) {
        let queue = &self.reconciler.queue;
        let next = tokio::time::timeout(Duration::from_hours(1), queue.next()).await;
        let key = next.expect("the object is due within an hour");
        let outcome = reconcile(&self.reconciler, &key).await;
        if let Some((priority, delay)) = outcome.requeue {
            queue.add(key.clone(), priority, delay);
        }
        queue.done(&key);
    }

    /// Adds the object to the queue, as a watch event does.
    pub(crate) fn enqueue(&self) {
        self.reconciler.queue.add(self.key.clone(), Priority::Change, Duration::ZERO);
    }

    /// Edits the Secret as another client, and reports the watch event.
    pub(crate) fn edit_secret(&self, patch: &Value) {
        self.api.edit_secret(patch);
        let secret = serde_json::from_value(self.api.secret()).expect("a Secret");
        self.context.secrets.upsert(&secret);
    }

    /// Edits the SealedSecret as its owner, and reports the watch event.
    pub(crate) fn edit_sealed(&self, patch: &Value) {
        let sealed = serde_json::from_value(self.api.edit_sealed(patch)).expect("a SealedSecret");
        self.reconciler.object_applied(sealed);
    }

    /// Creates a Secret that the SealedSecret does not own, and reports the watch event.
    pub(crate) fn create_foreign_secret(&self) {
        let metadata = json!({ "namespace": NAMESPACE, "name": NAME, "uid": "foreign" });
        self.edit_secret(&json!({ "metadata": metadata, "type": "Opaque", "data": {} }));
    }

    /// Deletes the Secret as another client, and reports the watch event.
    pub(crate) fn delete_secret(&self) {
        let secret: SecretObject = serde_json::from_value(self.api.delete_secret()).expect("one");
        assert!(self.context.secrets.remove(&secret.metadata));
        let (key, before, after) = (&self.key, None, None);
        let change = SecretChange { key, before, after, is_listed: false };
        self.reconciler.secret_changed(&change);
    }

    /// Reports that a list no longer had the Secret.
    pub(crate) fn remove_secret(&self) {
        self.context.secrets.retain(|_| false);
    }
}

/// The condition of this type in the API server.
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

fn key_store() -> KeyStore {
    KeyStore::new("kube-system", KeySettings::for_tests(), &mut Registry::default())
}

/// The context of a controller that has these keys.
fn context(client: Client, keys: Arc<KeyStore>, copies_tool_metadata: bool) -> Arc<Context> {
    let mac_key = Arc::new(MacKey::from_bytes(&[7; MacKey::BYTES]).expect("a key"));
    let settings = context::Settings {
        scope: WatchScope::All,
        namespace_selector: Selector::default(),
        label_selector: Selector::default(),
        resync_period: Duration::from_hours(1),
        copies_tool_metadata,
        instance: String::new(),
        keeps_items: true,
    };
    Arc::new(Context::new(client, settings, keys, mac_key, Policy::without_allowed_types()))
}

/// The context of a controller without keys.
pub(crate) fn keyless_context(client: Client) -> Arc<Context> {
    context(client, Arc::new(key_store()), false)
}
