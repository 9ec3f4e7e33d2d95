//! `cargo xtask bench aws`: what ExternalSecrets cost, in requests to AWS and to Kubernetes.

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
use super::process::Usage;
use crate::stage::Stage;
use crate::steps::{Output, Steps};
use crate::{build, command, tools};

/// Requests at once, to AWS and to the API server, while it is prepared.
const CONNECTIONS: usize = 8;
/// How often it is looked whether a round is over.
const LOOKS: Duration = Duration::from_millis(100);

/// How many reads there may be beyond full batches: probes, and what was due alone.
const BESIDES: usize = 64;

/// How much to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// ExternalSecrets, each with a secret of its own
    #[arg(long, value_name = "N", default_value_t = 1000)]
    objects: usize,
    /// How often each is read, in seconds; by default so long that a round fits in well
    #[arg(long, value_name = "SECONDS")]
    interval: Option<u64>,
}

/// What was counted until now.
struct Counted {
    aws: BTreeMap<String, usize>,
    reads: f64,
    writes: f64,
    usage: Usage,
}

/// Measures on a control plane and an AWS of its own, with the controller as it is released.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let output = Output::Stdout;
    let mut steps = Steps::new(output);
    let binary =
        steps.step("building mtk-controller as released", build::released_controller()).await?;
    let control_plane = build::control_plane(output);
    steps.step("building the control plane", control_plane).await?;
    let moto = steps.step("moto, a local AWS", tools::moto(output)).await?;
    let aws = tokio::task::spawn_blocking(move || Aws::start_of(&moto)).await??;
    let mut stage = Stage::start_with(&mut steps, binary, aws.environment()).await?;
    stage.take_controller()?.end()?;

    let count = options.objects;
    let interval = options.interval.unwrap_or_else(|| (count as u64 * 60 / 1000).clamp(60, 300));
    steps
        .step("making secrets and ExternalSecrets", prepare(&stage, &aws, count, interval))
        .await?;

    let started = Instant::now();
    let what = "the start: nothing is there yet";
    steps
        .step(what, async {
            stage.start_controller().await?;
            until_read(stage.controller()?, count).await
        })
        .await?;
    settled(stage.controller()?).await?;
    let first = counted(&stage, &aws)?;
    said(output, count, started.elapsed(), None, &first);
    held(count, None, &first)?;

    let unchanged =
        round(&mut steps, &stage, &aws, "a refresh: nothing has changed", first.reads, &first)
            .await?;
    held(count, Some(&first), &unchanged)?;
    let written = unchanged.writes - first.writes;
    ensure!(written < 0.5, "{written} writes, though nothing has changed");
    for number in 0..count.div_ceil(100) {
        let put = aws.secrets().put_secret_value().secret_id(name(number * 100));
        put.secret_string("another value").send().await.context("changing a secret")?;
    }
    let what = "a refresh: 1 % has changed";
    let changed = round(&mut steps, &stage, &aws, what, first.reads, &unchanged).await?;
    held(count, Some(&unchanged), &changed)
}

/// Fails where there were more requests than batches are for.
fn held(count: usize, before: Option<&Counted>, after: &Counted) -> anyhow::Result<()> {
    let of = |counted: &Counted, name: &str| counted.aws.get(name).copied().unwrap_or_default();
    let since = |name: &str| of(after, name) - before.map_or(0, |before| of(before, name));
    let (batches, singles) = (since("BatchGetSecretValue"), since("GetSecretValue"));
    let most = count.div_ceil(20) + BESIDES;
    ensure!(batches + singles <= most, "{batches} batches and {singles} single reads");
    let sessions = of(after, "AssumeRole");
    ensure!(sessions == 1, "{sessions} sessions of one identity");
    Ok(())
}

/// Waits for one more read of everything.
async fn round(
    steps: &mut Steps,
    stage: &Stage,
    aws: &Aws,
    what: &str,
    objects: f64,
    before: &Counted,
) -> anyhow::Result<Counted> {
    let controller = stage.controller()?;
    let begun = steps
        .step(what, async {
            while read(controller)? <= before.reads {
                sleep(LOOKS).await;
            }
            let begun = Instant::now();
            while read(controller)? < before.reads + objects {
                sleep(LOOKS).await;
            }
            settled(controller).await?;
            anyhow::Ok(begun)
        })
        .await?;
    let after = counted(stage, aws)?;
    said(Output::Stdout, 0, begun.elapsed(), Some(before), &after);
    Ok(after)
}

fn name(number: usize) -> String {
    format!("bench/{number:05}")
}

async fn prepare(stage: &Stage, aws: &Aws, count: usize, interval: u64) -> anyhow::Result<()> {
    // An error means that there is one already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let mut kubectl = command::own(stage.access().kubectl());
    command::output(kubectl.args(["create", "namespace", objects::NAMESPACE])).await?;
    let client = objects::client(stage.access().kubeconfig()).await?;
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
        sleep(LOOKS).await;
    }
    Ok(())
}

/// Waits until no write comes any more.
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

fn counted(stage: &Stage, aws: &Aws) -> anyhow::Result<Counted> {
    let controller = stage.controller()?;
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

/// Requests that write, Events included.
fn writes(metrics: &BTreeMap<String, f64>) -> f64 {
    ["create", "patch", "delete"]
        .map(|verb| sum(metrics, &format!("mtk_controller_api_requests_total{{verb=\"{verb}\"")))
        .iter()
        .sum()
}

fn said(output: Output, count: usize, took: Duration, before: Option<&Counted>, after: &Counted) {
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
    output.line(format_args!(
        "    {objects}{:.1} s; AWS: {}; Kubernetes: {writes} writes; {}",
        took.as_secs_f64(),
        if calls.is_empty() { "nothing".to_owned() } else { calls.join(", ") },
        after.usage
    ));
}
