//! `cargo xtask bench aws`: requests of ExternalSecrets to AWS and to Kubernetes.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use crds::{ExternalSecret, SecretStore};
use e2e::aws::{Aws, REGION};
use e2e::controller::Controller;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::objects;
use super::print;
use super::process::Usage;
use super::session::Session;

/// Concurrent requests to AWS and to the API server during the preparation.
const CONNECTIONS: usize = 8;
/// The interval between two reads of the controller's metrics.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Reads in addition to full batches: probes, and objects that were due at another time.
const MAX_EXTRA_READS: usize = 64;

/// Pages of a list beyond full ones, and the batches of values that are read once a day anyhow.
const MAX_EXTRA_CALLS: usize = 2;

const REFRESHES: &str = "externalsecret_sync_calls_total";

/// Options of the benchmark.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Number of ExternalSecrets, each with a secret of its own
    #[arg(long, value_name = "N", default_value_t = 1000)]
    objects: usize,
    /// Refresh interval in seconds [default: long enough for a round]
    #[arg(long, value_name = "SECONDS")]
    interval: Option<u64>,
}

/// Counts since the start.
struct Counted {
    aws: BTreeMap<String, usize>,
    refreshes: f64,
    writes: f64,
    usage: Usage,
}

/// Measures on a new control plane and a new AWS emulator, with the controller of the release
/// profile.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let aws = Aws::start()?;
    let mut environment = aws.environment();
    environment.push(("MTK_MIN_LIST_INTERVAL".to_owned(), "1s".to_owned()));
    let mut session = Session::start(environment)?;

    let count = options.objects;
    let interval = options.interval.unwrap_or_else(|| (count as u64 * 60 / 1000).clamp(60, 300));
    prepare(&session, &aws, count, interval).await?;

    let started = Instant::now();
    print("start: no Secret exists yet");
    session.start_controller()?;
    until_read(session.controller()?, count).await?;
    settled(session.controller()?).await?;
    let first = counted(&session, &aws)?;
    print_counts(count, started.elapsed(), None, &first);
    ensure_batched(count, &first)?;

    let unchanged = round(&session, &aws, "refresh: no value has changed", count, &first).await?;
    ensure_listed(count, 0, &first, &unchanged)?;
    let written = unchanged.writes - first.writes;
    ensure!(written < 0.5, "{written} writes, though no value has changed");
    for number in 0..count.div_ceil(100) {
        let put = aws.secrets().put_secret_value().secret_id(name(number * 100));
        put.secret_string("another value").send().await.context("changing a secret")?;
    }
    let what = "refresh: 1 % of the values have changed";
    let changed = round(&session, &aws, what, count, &unchanged).await?;
    ensure_listed(count, count.div_ceil(100), &unchanged, &changed)
}

fn of(counted: &Counted, name: &str) -> usize {
    counted.aws.get(name).copied().unwrap_or_default()
}

/// Fails if there were more requests than full batches and a few extra reads.
fn ensure_batched(count: usize, first: &Counted) -> anyhow::Result<()> {
    let (batches, singles) = (of(first, "BatchGetSecretValue"), of(first, "GetSecretValue"));
    let most = count.div_ceil(20) + MAX_EXTRA_READS;
    ensure!(batches + singles <= most, "{batches} batches and {singles} single reads");
    let sessions = of(first, "AssumeRole");
    ensure!(sessions == 1, "{sessions} sessions of one identity");
    Ok(())
}

/// Fails if there were more requests than one list of all secrets and reads of the changed ones.
fn ensure_listed(
    count: usize,
    changed: usize,
    before: &Counted,
    after: &Counted,
) -> anyhow::Result<()> {
    let calls = |counted: &Counted| counted.aws.values().sum::<usize>();
    let since = calls(after) - calls(before);
    let most = count.div_ceil(100) + changed + MAX_EXTRA_CALLS;
    ensure!(since <= most, "{since} requests to AWS, and at most {most} are needed");
    ensure!(of(after, "ListSecrets") > of(before, "ListSecrets"), "nothing was listed");
    Ok(())
}

/// Waits until everything was checked again.
async fn round(
    session: &Session,
    aws: &Aws,
    what: &str,
    objects: usize,
    before: &Counted,
) -> anyhow::Result<Counted> {
    let controller = session.controller()?;
    print(what);
    while refreshes(controller)? <= before.refreshes {
        sleep(POLL_INTERVAL).await;
    }
    let begun = Instant::now();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    while refreshes(controller)? < before.refreshes + objects as f64 {
        sleep(POLL_INTERVAL).await;
    }
    settled(controller).await?;
    let after = counted(session, aws)?;
    print_counts(0, begun.elapsed(), Some(before), &after);
    Ok(after)
}

fn name(number: usize) -> String {
    format!("bench/{number:05}")
}

async fn prepare(session: &Session, aws: &Aws, count: usize, interval: u64) -> anyhow::Result<()> {
    // An error means that it exists already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    session.create_namespace()?;
    let client = objects::client(session.kubeconfig()).await?;
    let stores: Api<SecretStore> = Api::namespaced(client.clone(), objects::NAMESPACE);
    let store = serde_json::from_value(json!({
        "metadata": { "namespace": objects::NAMESPACE, "name": "aws" },
        "spec": { "provider": { "aws": { "service": "SecretsManager", "region": REGION,
                                         "role": "arn:aws:iam::123456789012:role/bench" } } },
    }))?;
    stores.create(&PostParams::default(), &store).await?;
    let secrets = aws.secrets();
    stream::iter(0..count)
        .map(|number| {
            let made = secrets.create_secret().name(name(number));
            made.secret_string(format!("a value of usual length, {number}")).send()
        })
        .buffer_unordered(CONNECTIONS)
        .try_for_each(|_| async { Ok(()) })
        .await
        .context("making a secret")?;
    let external: Api<ExternalSecret> = Api::namespaced(client, objects::NAMESPACE);
    let objects: Result<Vec<ExternalSecret>, _> = (0..count)
        .map(|number| {
            serde_json::from_value(json!({
                "metadata": { "namespace": objects::NAMESPACE, "name": format!("s{number:05}") },
                "spec": { "secretStoreRef": { "name": "aws", "kind": "SecretStore" },
                          "refreshInterval": format!("{interval}s"),
                          "data": [{ "secretKey": "A", "remoteRef": { "key": name(number) } }] },
            }))
        })
        .collect();
    stream::iter(objects?)
        .map(|object| {
            let external = external.clone();
            async move { external.create(&PostParams::default(), &object).await }
        })
        .buffer_unordered(CONNECTIONS)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(())
}

/// Values read, or seen to be unchanged.
fn refreshes(controller: &Controller) -> anyhow::Result<f64> {
    Ok(sum(&controller.metrics()?, REFRESHES))
}

async fn until_read(controller: &Controller, count: usize) -> anyhow::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    while refreshes(controller)? < count as f64 {
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Waits until the controller has stopped writing.
async fn settled(controller: &Controller) -> anyhow::Result<()> {
    let mut last = -1.0;
    loop {
        let now = writes(&controller.metrics()?);
        if (now - last).abs() < 0.5 {
            return Ok(());
        }
        last = now;
        sleep(Duration::from_millis(700)).await;
    }
}

fn counted(session: &Session, aws: &Aws) -> anyhow::Result<Counted> {
    let controller = session.controller()?;
    let metrics = controller.metrics()?;
    Ok(Counted {
        aws: aws.counts(),
        refreshes: sum(&metrics, REFRESHES),
        writes: writes(&metrics),
        usage: Usage::of(controller.pid())?,
    })
}

fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    metrics.iter().filter(|(metric, _)| metric.starts_with(name)).map(|(_, value)| value).sum()
}

/// Writing requests, including Events.
fn writes(metrics: &BTreeMap<String, f64>) -> f64 {
    ["create", "patch", "delete"]
        .map(|verb| sum(metrics, &format!("mtk_controller_api_requests_total{{verb=\"{verb}\"")))
        .iter()
        .sum()
}

fn print_counts(count: usize, took: Duration, before: Option<&Counted>, after: &Counted) {
    let calls = after.aws.iter().map(|(operation, count)| {
        let earlier = before.and_then(|before| before.aws.get(operation)).copied();
        (operation, count - earlier.unwrap_or_default())
    });
    let calls: Vec<_> = calls
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    let writes = after.writes - before.map_or(0.0, |before| before.writes);
    let objects = if count > 0 { format!("{count} ExternalSecrets, ") } else { String::new() };
    print(format_args!(
        "{objects}{:.1} s; AWS: {}; Kubernetes: {writes} writes; {}",
        took.as_secs_f64(),
        if calls.is_empty() { "nothing".to_owned() } else { calls.join(", ") },
        after.usage
    ));
}
