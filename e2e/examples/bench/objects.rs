//! SealedSecrets to apply, and the Secrets to wait for.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use anyhow::Context;
use crds::SealedSecret;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use sealing::{Certificate, Scope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::Instant;

/// The namespace of the benchmark.
pub(super) const NAMESPACE: &str = "bench";
/// Items of each.
pub(super) const ITEMS: usize = 5;
/// Concurrent requests, as when a few pipelines apply many files with `kubectl`.
const CONNECTIONS: usize = 8;

/// A client with the admin's rights.
pub(super) async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Seals values for the names with this prefix.
pub(super) fn seal(
    certificate: &Certificate,
    prefix: &str,
    count: usize,
) -> anyhow::Result<Vec<SealedSecret>> {
    (0..count)
        .map(|number| {
            let name = format!("{prefix}-{number:05}");
            let label = Scope::Strict.label(NAMESPACE, &name);
            let items = (0..ITEMS)
                .map(|item| {
                    let value = format!("value {item} of {name}, of a usual length");
                    Ok((format!("ITEM_{item}"), certificate.seal(&label, value.as_bytes())?))
                })
                .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
            Ok(serde_json::from_value(json!({
                "metadata": { "namespace": NAMESPACE, "name": name },
                "spec": { "encryptedData": items },
            }))?)
        })
        .collect()
}

/// Creates the objects one after the other, and waits for the Secret of each. Returns the times from
/// the request to the Secret's arrival in a watch, in milliseconds.
pub(super) async fn one_by_one(
    client: &Client,
    objects: &[SealedSecret],
) -> anyhow::Result<Vec<f64>> {
    let sealed: Api<SealedSecret> = Api::namespaced(client.clone(), NAMESPACE);
    let mut secrets = arrivals(client).await?;
    let parameters = PostParams::default();
    let mut times = Vec::new();
    for object in objects {
        let started = Instant::now();
        let create = sealed.create(&parameters, object);
        let arrival = async {
            while secrets.try_next().await?.context("the watch has ended")?
                != object.metadata.name.as_deref().unwrap_or_default()
            {}
            anyhow::Ok(Instant::now())
        };
        let (created, arrived) = tokio::join!(create, arrival);
        created?;
        times.push((arrived? - started).as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// Creates all as fast as the API server accepts them. Returns the seconds until the last Secret exists.
pub(super) async fn at_once(client: &Client, objects: &[SealedSecret]) -> anyhow::Result<f64> {
    let secrets = arrivals(client).await?;
    let started = Instant::now();
    let arrive = secrets.take(objects.len()).try_for_each(|_| async { Ok(()) });
    let (created, arrived) = tokio::join!(create(client, objects), arrive);
    created?;
    arrived?;
    Ok(started.elapsed().as_secs_f64())
}

/// Creates all as fast as the API server accepts them.
pub(super) async fn create<K>(client: &Client, objects: &[K]) -> anyhow::Result<()>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let api: Api<K> = Api::namespaced(client.clone(), NAMESPACE);
    let parameters = PostParams::default();
    stream::iter(objects)
        .map(|object| async { api.create(&parameters, object).await })
        .buffer_unordered(CONNECTIONS)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(())
}

/// The names of Secrets that are created from now on. The watch lasts five minutes at most.
pub(super) async fn arrivals(
    client: &Client,
) -> anyhow::Result<impl futures::Stream<Item = anyhow::Result<String>> + Unpin + use<>> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), NAMESPACE);
    let now = secrets.list_metadata(&kube::api::ListParams::default()).await?;
    let version = now.metadata.resource_version.unwrap_or_default();
    let parameters = WatchParams::default().timeout(290);
    let events = secrets.watch(&parameters, &version).await?;
    Ok(events
        .try_filter_map(|event| async {
            Ok(match event {
                WatchEvent::Added(secret) => secret.metadata.name,
                _ => None,
            })
        })
        .map_err(anyhow::Error::from)
        .boxed())
}
