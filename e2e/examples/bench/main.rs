//! Benchmarks on a real API server: `cargo xtask bench sync` and `cargo xtask bench aws` build and run
//! this program.

mod aws;
mod objects;
mod process;
mod session;
mod sync;

use std::fmt::Display;
use std::io::{self, Write as _};

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
enum Benchmark {
    /// Measure how fast SealedSecrets become Secrets: one at a time, at once, after a restart
    Sync(sync::Options),
    /// Measure requests of ExternalSecrets: at start, on refresh, and with 1 % changed
    Aws(aws::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Benchmark::parse() {
        Benchmark::Sync(options) => sync::run(&options).await,
        Benchmark::Aws(options) => aws::run(&options).await,
    }
}

/// Prints a line. A closed stream is no reason to stop.
fn print(text: impl Display) {
    let _ = writeln!(io::stdout(), "    {text}");
}
