//! `cargo xtask bench sync`: how fast SealedSecrets become Secrets, and what that costs.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use crds::SealedSecret;
use e2e::controller::Controller;
use e2e::programs;
use futures::{StreamExt as _, TryStreamExt as _};
use sealing::Certificate;
use tokio::time::{Instant, sleep};

use super::objects;
use super::print;
use super::process::Usage;
use super::session::Session;

/// Options of the benchmark.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Number of SealedSecrets to apply one at a time
    #[arg(long, value_name = "N", default_value_t = 200)]
    one_by_one: usize,
    /// Number of SealedSecrets to apply at once
    #[arg(long, value_name = "N", default_value_t = 300)]
    at_once: usize,
    /// Number of SealedSecrets without a Secret at a start
    #[arg(long, value_name = "N", default_value_t = 1000)]
    first: usize,
}

/// Measures on a new control plane, with the controller of the release profile.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut session = Session::start(Vec::new())?;
    session.start_controller()?;
    let bench = Bench::prepare(&session).await?;

    let one = bench.seal("one", options.one_by_one)?;
    let many = bench.seal("many", options.at_once)?;
    let idle = Usage::of(session.controller()?.pid())?;
    print(format_args!("the controller so far: {idle}"));

    let times = objects::one_by_one(&bench.client, &one);
    let times = times.await?;
    let after = Usage::of(session.controller()?.pid())?;
    print(format_args!("{}", Distribution(times)));
    print_usage(one.len(), idle, after);

    let burst = objects::at_once(&bench.client, &many);
    let seconds = burst.await?;
    print(format_args!("{} SealedSecrets, all Secrets exist after {seconds:.2} s", many.len()));
    let end = Usage::of(session.controller()?.pid())?;
    print_usage(many.len(), after, end);

    // The last statuses are written after the last Secrets.
    settled(session.controller()?).await?;
    session.take_controller()?.end()?;
    print("restarting the controller: every object is in sync");
    let started = Instant::now();
    session.start_controller()?;
    settled(session.controller()?).await?;
    let usage = Usage::of(session.controller()?.pid())?;
    print(format_args!(
        "{} SealedSecrets, in sync after {:.2} s: {usage}",
        one.len() + many.len(),
        started.elapsed().as_secs_f64()
    ));
    for (name, value) in session.controller()?.metrics()? {
        if name.starts_with("mtk_controller_") && name.contains("_total") {
            print(format_args!("{value:>6}  {name}"));
        }
    }
    first_unseal(&mut session, &bench, options.first).await
}

/// Starts the controller when many SealedSecrets have no Secret yet, and compares it with the RSA
/// library, which only does the same number of operations.
async fn first_unseal(session: &mut Session, bench: &Bench, count: usize) -> anyhow::Result<()> {
    session.take_controller()?.end()?;
    let operations = count * objects::ITEMS;
    print(format_args!("starting the controller: {count} SealedSecrets have no Secret yet"));
    objects::create(&bench.client, &bench.seal("first", count)?).await?;
    let library = Library::do_operations(operations)?;

    let secrets = objects::arrivals(&bench.client).await?;
    let plane = session.plane_cpu_seconds()?;
    let started = Instant::now();
    session.start_controller()?;
    secrets.take(count).try_for_each(|_| async { Ok(()) }).await?;
    settled(session.controller()?).await?;
    let elapsed = started.elapsed().as_secs_f64();
    let plane = session.plane_cpu_seconds()? - plane;
    let usage = Usage::of(session.controller()?.pid())?;
    let (wall, cpu) = (library.elapsed, library.elapsed * library.cores);
    // Where the API server runs on other machines, the controller has all of this one.
    let left = elapsed * library.cores - plane;
    print(format_args!(
        "all are in sync after {elapsed:.2} s; the RSA library needs {wall:.2} s for their \
         {operations} operations: {:.0} % of its speed, {:.0} % on the CPU time that the API server left",
        100.0 * wall / elapsed,
        100.0 * cpu / left
    ));
    print(format_args!(
        "of {:.1} CPU seconds the controller used {:.1} (library: {cpu:.1}, {:.0} % of it), the API \
         server and etcd {plane:.1}; {usage}",
        elapsed * library.cores,
        usage.cpu_seconds,
        100.0 * cpu / usage.cpu_seconds
    ));
    Ok(())
}

/// The time of the RSA library on all cores.
pub(super) struct Library {
    pub(super) elapsed: f64,
    cores: f64,
}

impl Library {
    /// Runs the example `opening` of the crate `sealing`.
    pub(super) fn do_operations(operations: usize) -> anyhow::Result<Library> {
        let program = programs::made("MTK_OPENING")?;
        let output = Command::new(program).arg(operations.to_string()).output()?;
        ensure!(output.status.success(), "the RSA library: {}", output.status);
        let nanoseconds: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
        let cores = u32::try_from(thread::available_parallelism()?.get())?;
        Ok(Library {
            elapsed: Duration::from_nanos(nanoseconds).as_secs_f64(),
            cores: f64::from(cores),
        })
    }
}

pub(super) struct Bench {
    pub(super) client: kube::Client,
    certificate: Certificate,
}

impl Bench {
    /// After the first start of the controller, which creates the key.
    pub(super) async fn prepare(session: &Session) -> anyhow::Result<Bench> {
        rustls::crypto::aws_lc_rs::default_provider()
            .install_default()
            .ok()
            .context("another TLS provider is installed")?;
        session.create_namespace()?;
        let pem = session.controller()?.get("/v1/cert.pem")?;
        Ok(Bench {
            client: objects::client(session.kubeconfig()).await?,
            certificate: Certificate::from_pem(pem.as_bytes())?,
        })
    }

    /// Seals values for this many objects.
    pub(super) fn seal(&self, prefix: &str, count: usize) -> anyhow::Result<Vec<SealedSecret>> {
        tokio::task::block_in_place(|| objects::seal(&self.certificate, prefix, count))
    }
}

/// Waits until the controller's queue is empty twice in a row: an object that a watch just delivered
/// may be on its way into the queue.
pub(super) async fn settled(controller: &Controller) -> anyhow::Result<()> {
    let mut empty = 0;
    while empty < 2 {
        let waiting = controller.metrics()?.get("mtk_controller_queue_length").copied();
        empty = if waiting == Some(0.0) { empty + 1 } else { 0 };
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn print_usage(objects: usize, before: Usage, after: Usage) {
    let cpu = after.cpu_seconds - before.cpu_seconds;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred objects")]
    let each = cpu * 1000.0 / objects.max(1) as f64;
    print(format_args!(
        "the controller: {cpu:.2} CPU seconds for these, {each:.1} ms each; {after}"
    ));
}

/// Times in milliseconds.
pub(super) struct Distribution(pub(super) Vec<f64>);

impl std::fmt::Display for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        // The percentile by the nearest rank: the smallest time that this percentage of all times
        // does not exceed.
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
