//! A control plane, an AWS with a queue, a store and the objects.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context, bail};
use crds::{ExternalSecret, SecretStore};
use e2e::aws::{Aws, REGION};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::super::objects::{self, NAMESPACE};
use super::super::session::Session;
use super::calls::Counted;
use super::{Options, print, reloader};

/// The interval between two looks at what has arrived.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// Longer than anything takes that succeeds.
const TIMEOUT: Duration = Duration::from_mins(60);

/// Everything that is measured on.
pub(super) struct Rig {
    pub(super) session: Session,
    pub(super) aws: Aws,
    pub(super) objects: usize,
    pub(super) interval: Duration,
    secrets: Secrets,
}

/// The value of each Secret, and when it came.
#[derive(Clone, Default)]
struct Secrets(Arc<Mutex<Values>>);

type Values = HashMap<String, (Vec<u8>, Instant)>;

impl Rig {
    pub(super) async fn start(options: &Options) -> anyhow::Result<Rig> {
        // An error means that it exists already.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let aws = Aws::start()?;
        let queue = aws.served_event_queue();
        let mut environment = aws.environment();
        environment.push(("MTK_MIN_LIST_INTERVAL".to_owned(), "1s".to_owned()));
        let flag = format!("--event-queue={queue},region={REGION}");
        let session = Session::start_with(environment, vec![flag])?;
        session.create_namespace()?;
        let client = objects::client(session.kubeconfig()).await?;
        let interval = Duration::from_secs(options.interval);
        let rig =
            Rig { session, aws, objects: options.objects, interval, secrets: Secrets::default() };
        rig.prepare(&client).await?;
        rig.secrets.clone().watch(client);
        Ok(rig)
    }

    async fn prepare(&self, client: &Client) -> anyhow::Result<()> {
        let stores: Api<SecretStore> = Api::namespaced(client.clone(), NAMESPACE);
        for (name, prefix) in [("aws", ""), ("prefixed", reloader::PREFIX)] {
            let store = serde_json::from_value(json!({
                "metadata": { "namespace": NAMESPACE, "name": name },
                "spec": { "provider": { "aws": { "service": "SecretsManager", "region": REGION, "prefix": prefix,
                                                 "role": "arn:aws:iam::123456789012:role/bench" } } },
            }))?;
            stores.create(&PostParams::default(), &store).await?;
        }
        let of_bench = (0..self.objects).map(|number| {
            self.aws.table().put(&remote(number), &format!("a value of usual length, {number}"));
            self.object(&name(number), "aws", &remote(number))
        });
        let compared = reloader::CASES.iter().map(|case| {
            self.aws.table().put(&case.remote(), "before");
            self.object(&case.object(), case.store, &case.key())
        });
        let objects = of_bench.chain(compared).map(serde_json::from_value);
        let objects: Vec<ExternalSecret> = objects.collect::<Result<_, _>>()?;
        let begun = Instant::now();
        objects::create(client, &objects).await?;
        print(format_args!(
            "{} objects created in {:.0} s",
            objects.len(),
            begun.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    fn object(&self, name: &str, store: &str, key: &str) -> Value {
        json!({
            "metadata": { "namespace": NAMESPACE, "name": name },
            "spec": { "secretStoreRef": { "name": store, "kind": "SecretStore" },
                      "refreshInterval": format!("{}s", self.interval.as_secs()),
                      "data": [{ "secretKey": "A", "remoteRef": { "key": key } }] },
        })
    }

    /// All objects, with those of the comparison.
    pub(super) fn all(&self) -> usize {
        self.objects + reloader::CASES.len()
    }

    pub(super) fn counted(&self) -> anyhow::Result<Counted> {
        Counted::now(&self.session, &self.aws)
    }

    /// Waits until so many Secrets exist.
    pub(super) async fn until_written(&self, count: usize) -> anyhow::Result<()> {
        until("all Secrets", || Ok(self.secrets.lock().len() >= count)).await
    }

    /// When the Secret got this value. Fails if it does not within this time.
    pub(super) async fn arrival(
        &self,
        name: &str,
        value: &str,
        limit: Duration,
    ) -> anyhow::Result<Option<Instant>> {
        let begun = Instant::now();
        loop {
            let arrived = self.secrets.lock().get(name).cloned();
            if let Some((_, at)) = arrived.filter(|(bytes, _)| bytes == value.as_bytes()) {
                return Ok(Some(at));
            }
            if begun.elapsed() > limit {
                return Ok(None);
            }
            sleep(LOOK_INTERVAL).await;
        }
    }
}

impl Secrets {
    fn watch(self, client: Client) {
        let api: Api<Secret> = Api::namespaced(client, NAMESPACE);
        tokio::spawn(async move {
            let secrets = watcher(api, watcher::Config::default()).default_backoff();
            let mut secrets = pin!(secrets.applied_objects());
            while let Some(secret) = secrets.next().await {
                // After an error, the watch begins again.
                let Ok(secret) = secret else { continue };
                let name = secret.metadata.name.unwrap_or_default();
                let value = secret.data.unwrap_or_default().remove("A").map(|bytes| bytes.0);
                let Some(value) = value else { continue };
                let now = Instant::now();
                let mut known = self.lock();
                if known.get(&name).is_none_or(|(old, _)| *old != value) {
                    known.insert(name, (value, now));
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

/// The name of an object.
pub(super) fn name(number: usize) -> String {
    format!("s{number:06}")
}

/// The name of its secret in AWS.
pub(super) fn remote(number: usize) -> String {
    format!("bench/{number:06}")
}

/// Waits until this is so.
pub(super) async fn until(
    what: &str,
    is_so: impl Fn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !is_so().context(what.to_owned())? {
        if begun.elapsed() > TIMEOUT {
            bail!("{what}: not within {TIMEOUT:?}");
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
