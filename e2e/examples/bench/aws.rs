//! `cargo xtask bench aws`: the requests that ExternalSecrets cause, and how soon a change in AWS is in the Secret.
//!
//! The proxy in front of moto serves the secrets and the queue itself: moto builds the list of all secrets for each
//! page, and takes tens of milliseconds for each message. moto serves STS. So requests are counted exactly, and times contain no latency of AWS.

mod calls;
mod changes;
mod month;
mod reloader;
mod rig;
mod sweep;

use clap::Args;

use self::rig::Rig;
use super::print;
use super::report::Report;

/// Options of the benchmark.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Options {
    /// ExternalSecrets, each with a secret of its own
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    objects: usize,
    /// Refresh interval in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    interval: u64,
    /// Changes for the latency of events, one after the other
    #[arg(long, value_name = "N", default_value_t = 300)]
    changes: usize,
    /// Events of the burst
    #[arg(long, value_name = "N", default_value_t = 500)]
    burst: usize,
}

/// Measures on a new control plane and a new AWS emulator.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut rig = Rig::start(options).await?;
    let mut report = Report::default();
    sweep::first_start(&mut rig, &mut report).await?;
    sweep::restart(&mut rig, &mut report).await?;
    sweep::unchanged(&mut rig, &mut report).await?;
    sweep::late_restart(&mut rig, &mut report).await?;
    changes::latency(&rig, &mut report, options.changes).await?;
    changes::burst(&rig, &mut report, options.burst).await?;
    let compared = reloader::compare(&mut rig).await?;
    drop(rig);
    month::plan(&mut report)?;
    let objects = format!("{} ExternalSecrets with a secret each.", options.objects);
    report.print(
        &[
            &objects,
            "The proxy in front of the emulator counts requests, and serves the secrets and the queue.",
            "moto serves STS, and its time is in the latencies.",
        ],
        "goal for 10,000",
    );
    compared.print();
    Ok(())
}
