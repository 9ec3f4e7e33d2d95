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
    reads: f64,
    writes: f64,
    usage: Usage,
}

/// Measures on a new control plane and a new AWS emulator, with the controller of the release
/// profile.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let aws = Aws::start()?;
    let mut session = Session::start(aws.environment())?;

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
    ensure_batched(count, None, &first)?;

    let unchanged =
        round(&session, &aws, "refresh: no value has changed", first.reads, &first).await?;
    ensure_batched(count, Some(&first), &unchanged)?;
    let written = unchanged.writes - first.writes;
    ensure!(written < 0.5, "{written} writes, though no value has changed");
    for number in 0..count.div_ceil(100) {
        let put = aws.secrets().put_secret_value().secret_id(name(number * 100));
        put.secret_string("another value").send().await.context("changing a secret")?;
    }
    let what = "refresh: 1 % of the values have changed";
    let changed = round(&session, &aws, what, first.reads, &unchanged).await?;
    ensure_batched(count, Some(&unchanged), &changed)
}

/// Fails if there were more requests than full batches and a few extra reads.
fn ensure_batched(count: usize, before: Option<&Counted>, after: &Counted) -> anyhow::Result<()> {
    let of = |counted: &Counted, name: &str| counted.aws.get(name).copied().unwrap_or_default();
    let since = |name: &str| of(after, name) - before.map_or(0, |before| of(before, name));
    let (batches, singles) = (since("BatchGetSecretValue"), since("GetSecretValue"));
    let most = count.div_ceil(20) + MAX_EXTRA_READS;
    ensure!(batches + singles <= most, "{batches} batches and {singles} single reads");
    let sessions = of(after, "AssumeRole");
    ensure!(sessions == 1, "{sessions} sessions of one identity");
    Ok(())
}

/// Waits for one more read of everything.
async fn round(
    session: &Session,
    aws: &Aws,
    what: &str,
    objects: f64,
    before: &Counted,
) -> anyhow::Result<Counted> {
    let controller = session.controller()?;
    print(what);
    while read(controller)? <= before.reads {
        sleep(POLL_INTERVAL).await;
    }
    let begun = Instant::now();
    while read(controller)? < before.reads + objects {
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

fn read(controller: &Controller) -> anyhow::Result<f64> {
    Ok(sum(&controller.metrics()?, "mtk_controller_aws_values_served_total"))
}

async fn until_read(controller: &Controller, count: usize) -> anyhow::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    while read(controller)? < count as f64 {
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
        reads: sum(&metrics, "mtk_controller_aws_values_served_total"),
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
