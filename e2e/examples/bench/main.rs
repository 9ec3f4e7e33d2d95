//! Benchmarks on a real API server, and of the command line: `cargo xtask bench` builds and runs this
//! program.

mod aws;
mod controller;
mod memory;
mod objects;
mod process;
mod report;
mod seal;
mod session;
mod sync;

use std::fmt::Display;
use std::io::{self, Write as _};

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
enum Benchmark {
    /// Measure the sealing of 1 and 100 values, beside kubeseal if it is on PATH
    Seal(seal::Options),
    /// Measure how fast SealedSecrets become Secrets: one at a time, at once, after a restart, at a first start
    Sync(sync::Options),
    /// Measure the controller's memory with many SealedSecrets and other Secrets
    Memory(memory::Options),
    /// Measure a controller with many SealedSecrets: first start, restart, latency idle and in a resync, memory
    Controller(controller::Options),
    /// Measure ExternalSecrets: sweeps, restarts, events and their latency, beside external-secrets/reloader
    Aws(aws::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Benchmark::parse() {
        Benchmark::Seal(options) => seal::run(&options),
        Benchmark::Sync(options) => sync::run(&options).await,
        Benchmark::Memory(options) => memory::run(&options).await,
        Benchmark::Controller(options) => controller::run(&options).await,
        Benchmark::Aws(options) => aws::run(&options).await,
    }
}

/// Prints a line. The benchmark continues if the stream is closed.
fn print(text: impl Display) {
    let _ = writeln!(io::stdout(), "    {text}");
}
