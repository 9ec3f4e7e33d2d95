//! What can be asked for.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::bench::{aws, sync, templates as bench_templates};
use crate::test::{self, Part};
use crate::{demo, down, images, lint, manifests, up};

/// The project's task runner
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show it all on a real API server, from a file of secrets to the Secret in the cluster
    Demo,
    /// Start a control plane with the controller, and leave it running
    ///
    /// Prints a line for the shell on standard output: eval "$(cargo xtask up)"
    Up {
        /// With a node, the controller in a Pod on it, and the app; for root, on Linux
        #[arg(long)]
        node: bool,
        /// With a local AWS that the controller uses
        #[arg(long)]
        aws: bool,
    },
    /// Serve a local AWS until it is ended
    #[command(hide = true)]
    ServeAws {
        /// The server of moto
        moto: PathBuf,
        /// The address of this machine
        host: IpAddr,
    },
    /// End what `up` started
    Down,
    /// Check rules of the repository, spelling and clippy
    ///
    /// Rules: layers, cycles, length, calls, phrases, typos, clippy. Examples:
    ///
    ///   cargo xtask lint                                  all rules
    ///   cargo xtask lint --only layers,cycles             two of them
    ///   cargo xtask lint --only length controller cli     one, in two folders
    ///   cargo xtask lint --phrases docs README.md         phrases in docs and README
    ///
    /// Prints the file, the line and a message for each violation.
    #[command(verbatim_doc_comment)]
    Lint(lint::Options),
    /// Run every check and test, as CI does
    Test {
        /// Run only this, and what it needs
        part: Option<Part>,
    },
    /// Write what is made from something else: CustomResourceDefinitions, install.yaml, a page of docs
    ///
    /// From the crate `crds`: crds/manifests, and the copy in the chart mtk-controller. From that
    /// chart: deploy/install.yaml. From the crate `templates`: docs/templates.md.
    Manifests {
        /// Only check that they are as they would be written
        #[arg(long)]
        check: bool,
    },
    /// Build the images of the controller, the command line program and the app
    Images(images::Options),
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// From the request that applies a SealedSecret to the Secret; then a burst, then a restart
    Sync(sync::Options),
    /// What ExternalSecrets cost: at start, at a refresh, and with 1 % changed
    Aws(aws::Options),
    /// Renders the recorded templates, and has Go do the same
    Templates(bench_templates::Options),
}

/// Does what this process was asked to do.
pub(crate) async fn run() -> anyhow::Result<()> {
    match Args::parse().verb {
        Verb::Demo => demo::run().await,
        Verb::Up { node, aws } => up::run(node, aws).await,
        Verb::ServeAws { moto, host } => up::serve_aws(&moto, host).await,
        Verb::Down => down::run().await,
        Verb::Lint(options) => lint::run(&options).await,
        Verb::Test { part } => test::run(part).await,
        Verb::Manifests { check } => manifests::run(check).await,
        Verb::Images(options) => images::run(&options).await,
        Verb::Bench(Bench::Aws(options)) => aws::run(&options).await,
        Verb::Bench(Bench::Sync(options)) => sync::run(&options).await,
        Verb::Bench(Bench::Templates(options)) => bench_templates::run(&options).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_verbs_are_consistent() {
        Args::command().debug_assert();
    }
}
