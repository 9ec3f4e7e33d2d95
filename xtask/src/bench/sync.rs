//! `cargo xtask bench sync`: how soon a Secret is there, and what it costs.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use e2e::controller::Controller;
use sealing::Certificate;
use tokio::time::{Instant, sleep};

use super::objects;
use super::process::Usage;
use crate::stage::Stage;
use crate::steps::{Output, Steps};
use crate::{build, command};

/// How much to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// SealedSecrets to apply one at a time
    #[arg(long, value_name = "N", default_value_t = 200)]
    one_by_one: usize,
    /// SealedSecrets to apply at once
    #[arg(long, value_name = "N", default_value_t = 300)]
    at_once: usize,
}

/// Measures on a control plane of its own, with the controller as it is released.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let output = Output::Stdout;
    let mut steps = Steps::new(output);
    let binary =
        steps.step("building mtk-controller as released", build::released_controller()).await?;
    let control_plane = build::control_plane(output);
    steps.step("building the control plane", control_plane).await?;
    let mut stage = Stage::start(&mut steps, binary).await?;
    let bench = Bench::prepare(&stage).await?;

    let (one, many) = steps.step("sealing", async { bench.seal(options) }).await?;
    let idle = Usage::of(stage.controller()?.pid())?;
    output.line(format_args!("    the controller so far: {idle}"));

    let times = objects::one_by_one(&bench.client, &one);
    let times = steps.step("applying one at a time", times).await?;
    let after = Usage::of(stage.controller()?.pid())?;
    output.line(format_args!("    {}", Distribution(times)));
    said(output, one.len(), idle, after);

    let burst = objects::at_once(&bench.client, &many);
    let seconds = steps.step("applying all others at once", burst).await?;
    output.line(format_args!(
        "    {} SealedSecrets, all Secrets there after {seconds:.2} s",
        many.len()
    ));
    let end = Usage::of(stage.controller()?.pid())?;
    said(output, many.len(), after, end);

    // The last statuses are written after the last Secrets.
    settled(stage.controller()?).await?;
    stage.take_controller()?.end()?;
    let started = Instant::now();
    steps
        .step("starting the controller again: nothing has changed", async {
            stage.start_controller().await?;
            settled(stage.controller()?).await
        })
        .await?;
    let usage = Usage::of(stage.controller()?.pid())?;
    output.line(format_args!(
        "    {} SealedSecrets, settled after {:.2} s: {usage}",
        one.len() + many.len(),
        started.elapsed().as_secs_f64()
    ));
    for (name, value) in stage.controller()?.metrics()? {
        if name.starts_with("mtk_controller_") && name.contains("_total") {
            output.line(format_args!("    {value:>6}  {name}"));
        }
    }
    Ok(())
}

/// What the measurements need.
struct Bench {
    client: kube::Client,
    certificate: Certificate,
}

impl Bench {
    async fn prepare(stage: &Stage) -> anyhow::Result<Bench> {
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok()
            .context("another TLS provider is installed")?;
        let mut kubectl = command::own(stage.access().kubectl());
        command::output(kubectl.args(["create", "namespace", objects::NAMESPACE])).await?;
        let pem = stage.controller()?.get("/v1/cert.pem")?;
        Ok(Bench {
            client: objects::client(stage.access().kubeconfig()).await?,
            certificate: Certificate::from_pem(pem.as_bytes())?,
        })
    }

    fn seal(
        &self,
        options: &Options,
    ) -> anyhow::Result<(Vec<crds::SealedSecret>, Vec<crds::SealedSecret>)> {
        let (one, many) = (options.one_by_one, options.at_once);
        tokio::task::block_in_place(|| {
            Ok((
                objects::seal(&self.certificate, "one", one)?,
                objects::seal(&self.certificate, "many", many)?,
            ))
        })
    }
}

/// Waits until the controller has nothing left to look at: twice in a row, since what a watch has
/// just brought may be on its way into the queue.
async fn settled(controller: &Controller) -> anyhow::Result<()> {
    let mut empty = 0;
    while empty < 2 {
        let waiting = controller.metrics()?.get("mtk_controller_queue_length").copied();
        empty = if waiting == Some(0.0) { empty + 1 } else { 0 };
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn said(output: Output, objects: usize, before: Usage, after: Usage) {
    let cpu = after.cpu_seconds - before.cpu_seconds;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred objects")]
    let each = cpu * 1000.0 / objects.max(1) as f64;
    output.line(format_args!(
        "    the controller: {cpu:.2} CPU seconds for these, {each:.1} ms each; {after}"
    ));
}

/// Times in milliseconds.
struct Distribution(Vec<f64>);

impl std::fmt::Display for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        // The nearest rank: the least time that as many in a hundred do not exceed.
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
        };
        write!(
            f,
            "{} SealedSecrets: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            sorted.len(),
            at(50),
            at(90),
            at(99),
            at(100)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            Distribution(times).to_string(),
            "200 SealedSecrets: p50 100.0 ms, p90 180.0 ms, p99 198.0 ms, max 200.0 ms"
        );
        let one = Distribution(vec![7.0]).to_string();
        assert!(one.contains("p50 7.0 ms") && one.contains("max 7.0 ms"), "{one}");
    }
}
