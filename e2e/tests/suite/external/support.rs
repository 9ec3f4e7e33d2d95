//! Shared parts of the tests of ExternalSecrets: one AWS, and one controller that uses it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::Tag;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::aws::{Aws, REGION};
use e2e::cluster::Cluster;
use e2e::controller::Controller;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::{Api, Kind, condition, eventually};

/// A cluster and an AWS, with a controller that may delete Secrets.
pub(crate) struct Rig {
    pub(crate) cluster: Cluster,
    pub(crate) aws: Aws,
    pub(crate) controller: Controller,
}

/// The Secret with AWS access keys that [`stores`] creates.
pub(crate) const KEYS: &str = "aws-keys";

static RIG: LazyLock<Rig> = LazyLock::new(|| {
    let (cluster, aws) = (Cluster::start().unwrap(), Aws::start().unwrap());
    e2e::cluster::allow_delete(cluster.plane().access()).unwrap();
    let controller = cluster.controller_with(&aws, &["--log-level=debug"]).unwrap();
    Rig { cluster, aws, controller }
});

/// An AWS with faults. Its controller runs in the same cluster and manages the stores of its class.
pub(crate) struct Faulty {
    pub(crate) aws: Aws,
    pub(crate) controller: Controller,
    pub(crate) class: String,
}

/// Two, because each test uses one exclusively.
static FAULTY: [LazyLock<Faulty>; 2] = [
    LazyLock::new(|| Faulty::start("faulty-0".to_owned())),
    LazyLock::new(|| Faulty::start("faulty-1".to_owned())),
];
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    FREE.lock().unwrap().extend(0..FAULTY.len());
    Semaphore::new(FAULTY.len())
});

/// Exclusive use of one of them.
pub(crate) struct Turn {
    index: usize,
    _permit: SemaphorePermit<'static>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        FREE.lock().unwrap().push(self.index);
    }
}

/// Waits for exclusive use of an AWS with faults. At first it has none.
pub(crate) async fn faulty() -> (&'static Faulty, Turn) {
    let permit = TURNS.acquire().await.unwrap();
    let index = FREE.lock().unwrap().pop().unwrap();
    let faulty = &FAULTY[index];
    faulty.aws.faults().clear();
    (faulty, Turn { index, _permit: permit })
}

impl Faulty {
    /// See [`catch_up`].
    pub(crate) async fn catch_up(&self, api: &Api) {
        catch_up(api, &self.aws, &self.controller, &self.class).await;
    }

    fn start(class: String) -> Faulty {
        let aws = Aws::start().unwrap();
        let flags = ["--log-level=debug", &format!("--controller-class={class}")];
        let controller = rig().cluster.controller_with(&aws, &flags).unwrap();
        Faulty { aws, controller, class }
    }
}

/// Creates a namespace with the store `aws` of its class.
pub(crate) async fn faulty_store(api: &Api, faulty: &Faulty, namespace: &str, more: Value) {
    api.namespace(namespace).await;
    keys(api, namespace).await;
    let mut store = store(namespace, "aws", "SecretsManager");
    store["spec"]["controller"] = json!(faulty.class);
    let aws = store["spec"]["provider"]["aws"].as_object_mut().unwrap();
    aws.extend(more.as_object().unwrap().clone());
    api.create(Kind::SecretStore, store).await;
}

/// An ExternalSecret of the store `aws` with these keys, each from the named secret.
pub(crate) fn external(namespace: &str, name: &str, data: &[(&str, &str)]) -> Value {
    let data =
        data.iter().map(|(key, from)| json!({ "secretKey": key, "remoteRef": { "key": from } }));
    json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "secretStoreRef": { "name": "aws", "kind": "SecretStore" },
                  "refreshInterval": "1h", "data": data.collect::<Vec<_>>() },
    })
}

/// Forces a refresh with the usual annotation.
pub(crate) async fn force(api: &Api, namespace: &str, name: &str) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).to_string();
    let patch = json!({ "metadata": { "annotations": { "force-sync": number } } });
    api.patch(Kind::ExternalSecret, namespace, name, patch).await;
}

/// Waits until `Ready` has this status.
pub(crate) async fn wait_ready(api: &Api, namespace: &str, name: &str, status: &str) -> Value {
    api.wait(Kind::ExternalSecret, namespace, name, |external| {
        condition(external, "Ready").is_some_and(|ready| ready["status"] == status)
    })
    .await
}

/// Waits until the Secret has this value.
pub(crate) async fn wait_value(api: &Api, namespace: &str, name: &str, key: &str, value: &str) {
    api.wait(Kind::Secret, namespace, name, |secret| {
        self::value(secret, key).as_deref() == Some(value)
    })
    .await;
}

/// A value of a Secret.
pub(crate) fn value(secret: &Value, key: &str) -> Option<String> {
    let bytes = STANDARD.decode(secret["data"][key].as_str()?).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

/// The rig that most tests share. It stops with this process.
pub(crate) fn rig() -> &'static Rig {
    &RIG
}

impl Rig {
    /// A client of the cluster, as the admin.
    pub(crate) async fn api(&self) -> Api {
        Api::of(&self.cluster).await
    }

    /// See [`catch_up`].
    pub(crate) async fn catch_up(&self, api: &Api) {
        catch_up(api, &self.aws, &self.controller, "default").await;
    }
}

/// Waits until the controller has processed every earlier change, and every refresh that was due.
///
/// The probe is an ExternalSecret with the shortest interval. The queue is ordered by due time, so every
/// earlier refresh begins before the probe's second one.
pub(crate) async fn catch_up(api: &Api, aws: &Aws, controller: &Controller, class: &str) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let ns = format!("external-probe-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    api.namespace(&ns).await;
    keys(api, &ns).await;
    let mut store = store(&ns, "aws", "SecretsManager");
    store["spec"]["controller"] = json!(class);
    api.create(Kind::SecretStore, store).await;
    secret(aws, &format!("{ns}/a"), "1", &[]).await;
    let mut object = external(&ns, "probe", &[("A", &format!("{ns}/a"))]);
    object["spec"]["refreshInterval"] = json!("1s");
    api.create(Kind::ExternalSecret, object).await;
    wait_refreshes(controller, &ns, "probe", 2.0).await;
    api.delete(Kind::ExternalSecret, &ns, "probe").await;
}

/// Waits until the ExternalSecret has been refreshed this many times more.
pub(crate) async fn wait_refreshes(controller: &Controller, ns: &str, name: &str, times: f64) {
    let first = refreshes(controller, ns, name);
    eventually("the refreshes", async || {
        (refreshes(controller, ns, name) >= first + times).then_some(())
    })
    .await;
}

fn refreshes(controller: &Controller, ns: &str, name: &str) -> f64 {
    let metrics = controller.metrics().unwrap();
    let labels = [format!("namespace=\"{ns}\""), format!("name=\"{name}\"")];
    let counters = metrics.iter().filter(|(metric, _)| {
        metric.starts_with("externalsecret_sync_calls_total")
            && labels.iter().all(|label| metric.contains(label.as_str()))
    });
    counters.map(|(_, count)| count).sum()
}

/// Waits until AWS has received this operation with the access key of the namespace.
pub(crate) async fn wait_requested(aws: &Aws, ns: &str, operation: &str) {
    eventually("the request to AWS", async || {
        let requests = aws.requests();
        let mut of_ns = requests.iter().filter(|request| request.access_key == ns);
        of_ns.any(|request| request.operation == operation).then_some(())
    })
    .await;
}

/// Waits until AWS has answered every request.
pub(crate) async fn wait_idle(aws: &Aws) {
    eventually("AWS answers all requests", async || aws.is_idle().then_some(())).await;
}

/// Creates a namespace with the stores `aws` (Secrets Manager) and `ps` (Parameter Store).
pub(crate) async fn stores(api: &Api, namespace: &str) {
    stores_of(api, namespace, "default").await;
}

/// The same with stores of this class.
pub(crate) async fn stores_of(api: &Api, namespace: &str, class: &str) {
    api.namespace(namespace).await;
    keys(api, namespace).await;
    for (name, service) in [("aws", "SecretsManager"), ("ps", "ParameterStore")] {
        let mut store = store(namespace, name, service);
        store["spec"]["controller"] = json!(class);
        api.create(Kind::SecretStore, store).await;
    }
}

/// The access key id is the name of the namespace.
async fn keys(api: &Api, namespace: &str) {
    let keys = json!({
        "metadata": { "namespace": namespace, "name": KEYS },
        "stringData": { "id": namespace, "secret": "key" },
    });
    api.create(Kind::Secret, keys).await;
}

pub(crate) fn store(namespace: &str, name: &str, service: &str) -> Value {
    let key = |key: &str| json!({ "name": KEYS, "key": key });
    json!({
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "controller": "default", "provider": { "aws": {
            "service": service, "region": REGION,
            "auth": { "secretRef": { "accessKeyIDSecretRef": key("id"),
                                     "secretAccessKeySecretRef": key("secret") } },
        } } },
    })
}

/// Creates a secret in AWS.
pub(crate) async fn secret(aws: &Aws, name: &str, value: impl AsRef<[u8]>, tags: &[(&str, &str)]) {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build());
    let made = aws.secrets().create_secret().name(name).set_tags(Some(tags.collect()));
    let value = value.as_ref();
    let made = match str::from_utf8(value) {
        Ok(text) => made.secret_string(text),
        Err(_) => made.secret_binary(Blob::new(value)),
    };
    made.send().await.unwrap();
}

/// Changes the value of a secret, and returns the id of the version.
pub(crate) async fn change(aws: &Aws, name: &str, value: &str) -> String {
    let put = aws.secrets().put_secret_value().secret_id(name).secret_string(value);
    put.send().await.unwrap().version_id.unwrap()
}
