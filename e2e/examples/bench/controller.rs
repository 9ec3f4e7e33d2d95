//! `cargo xtask bench controller`: a controller with as many SealedSecrets as a large cluster has.

use std::time::Duration;

use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::time::{Instant, sleep};

use super::objects;
use super::process::{Usage, sum};
use super::report::Report;
use super::session::Session;
use super::sync::{Bench, Distribution, Library, settled};

/// Objects that the benchmark holds in memory at a time.
const CHUNK: usize = 500;
/// Operations for which the RSA library is measured.
const OPERATIONS: usize = 5_000;
/// How long the idle controller is observed.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// Resyncs follow each other without a pause if all objects take longer than this.
const SHORT_RESYNC: &str = "--resync-period=2s";

/// Options of the benchmark.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Number of SealedSecrets of five items
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    objects: usize,
    /// Number of SealedSecrets whose latency is measured
    #[arg(long, value_name = "N", default_value_t = 200)]
    one_by_one: usize,
}

/// The counts of the controller since its start.
struct Counts {
    requests: f64,
    writes: f64,
    opened: f64,
    usage: Usage,
}

/// Measures on a new control plane, with the controller that ships.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut session = Session::start(Vec::new())?;
    session.start_controller()?;
    let bench = Bench::prepare(&session).await?;
    let mut report = Report::default();
    first_start(&mut session, &bench, &mut report, options.objects).await?;
    restart(&mut session, &mut report).await?;
    idle(&session, &mut report).await?;
    let count = options.one_by_one;
    latency(&session, &bench, &mut report, "idle", count).await?;
    session.restart_with(&[SHORT_RESYNC])?;
    latency(&session, &bench, &mut report, "resync", count).await?;
    let about = format!(
        "{} SealedSecrets of {} items, RSA-4096, on {} cores that the API server and etcd share.",
        options.objects,
        objects::ITEMS,
        std::thread::available_parallelism()?
    );
    report.print(&[&about], "goal for 10,000");
    Ok(())
}

/// No Secret exists yet.
async fn first_start(
    session: &mut Session,
    bench: &Bench,
    report: &mut Report,
    count: usize,
) -> anyhow::Result<()> {
    session.take_controller()?.end()?;
    for first in (0..count).step_by(CHUNK) {
        let chunk = bench.seal(&format!("s{first}"), CHUNK.min(count - first))?;
        objects::create(&bench.client, &chunk).await?;
    }
    let library = Library::do_operations(OPERATIONS)?;
    let secrets = objects::arrivals(&bench.client).await?;
    let begun = Instant::now();
    session.start_controller()?;
    secrets.take(count).try_for_each(|_| async { Ok(()) }).await?;
    let took = begun.elapsed().as_secs_f64();
    settled(session.controller()?).await?;
    #[expect(clippy::cast_precision_loss, reason = "less than a million")]
    let limit = library.elapsed * (count * objects::ITEMS) as f64 / OPERATIONS as f64;
    let share = 100.0 * limit / took;
    let usage = Usage::of(session.controller()?.pid())?;
    let measured =
        format!("{took:.1} s, {share:.0} % of the RSA library's speed ({limit:.1} s); {usage}");
    report.add("first start, no Secret exists", "≤ 45 s", measured);
    Ok(())
}

/// Every object is in sync.
async fn restart(session: &mut Session, report: &mut Report) -> anyhow::Result<()> {
    session.take_controller()?.end()?;
    let begun = Instant::now();
    session.start_controller()?;
    let ready = begun.elapsed().as_secs_f64();
    settled(session.controller()?).await?;
    let settled = begun.elapsed().as_secs_f64();
    let Counts { writes, opened, usage, .. } = Counts::now(session)?;
    let measured = format!(
        "ready after {ready:.2} s, all compared after {settled:.2} s; {opened} opened, {writes} writes; {usage}"
    );
    report.add("restart, all in sync", "≤ 1.5 s, 0 opened, 0 writes, ≤ 64 MiB", measured);
    Ok(())
}

async fn idle(session: &Session, report: &mut Report) -> anyhow::Result<()> {
    let before = Counts::now(session)?;
    sleep(IDLE_TIME).await;
    let after = Counts::now(session)?;
    let cpu = after.usage.cpu_seconds - before.usage.cpu_seconds;
    let share = 100.0 * cpu / IDLE_TIME.as_secs_f64();
    let measured = format!("{share:.2} % of a core, {} writes", after.writes - before.writes);
    report.add("idle for a minute", "≤ 0.5 % of a core, 0 writes", measured);
    Ok(())
}

/// From the creation of an object to its Secret, one object after the other.
async fn latency(
    session: &Session,
    bench: &Bench,
    report: &mut Report,
    state: &str,
    count: usize,
) -> anyhow::Result<()> {
    let sealed = bench.seal(state, count)?;
    let before = Counts::now(session)?;
    let times = Distribution(objects::one_by_one(&bench.client, &sealed).await?);
    if state == "resync" {
        report.add("apply to Secret, while all objects are resynced", "p99 ≤ 250 ms", times);
        return Ok(());
    }
    report.add("apply to Secret", "p50 ≤ 12 ms, p99 ≤ 25 ms", times);
    settled(session.controller()?).await?;
    let after = Counts::now(session)?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred objects")]
    let each = (after.requests - before.requests) / count.max(1) as f64;
    report.add("requests for a new object", "3", format!("{each:.2}"));
    Ok(())
}

impl Counts {
    fn now(session: &Session) -> anyhow::Result<Counts> {
        let controller = session.controller()?;
        let metrics = controller.metrics()?;
        let requests = |verbs: &[&str]| {
            let of = |verb: &&str| {
                let name = format!("mtk_controller_api_requests_total{{verb=\"{verb}\"");
                sum(&metrics, &name)
            };
            verbs.iter().map(of).sum::<f64>()
        };
        Ok(Counts {
            requests: requests(&["create", "patch", "update", "delete", "get"]),
            writes: requests(&["create", "patch", "update", "delete"]),
            opened: sum(&metrics, "sealed_secrets_controller_unseal_requests_total"),
            usage: Usage::of(controller.pid())?,
        })
    }
}
