//! The command line.

use clap::{Parser, Subcommand};

use crate::bench::{self, templates};
use crate::test::{self, Part};
use crate::{check, demo, down, fmt, images, lint, manifests, up};

/// The project's task runner
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Format the code: Rust and the control plane's Go
    Fmt {
        /// Only report files that are not formatted
        #[arg(long)]
        check: bool,
    },
    /// Check rules of the repository, spelling and clippy
    ///
    /// Rules: layers, cycles, length, calls, references, phrases, typos, clippy. Examples:
    ///
    ///   cargo xtask lint                                  all rules
    ///   cargo xtask lint --only layers,cycles             two of them
    ///   cargo xtask lint --only length controller cli     one, in two folders
    ///   cargo xtask lint --phrases docs README.md         phrases in docs and README
    ///
    /// Prints the file, the line and a message for each violation.
    #[command(verbatim_doc_comment)]
    Lint(lint::Options),
    /// Check formatting and lints, run unit tests and CLI cases; for every commit
    Check,
    /// Run all checks and tests, as CI does
    Test {
        /// Run only this part and build what it needs
        part: Option<Part>,
        /// Run only tests whose name contains this
        #[arg(requires = "part")]
        filter: Option<String>,
        /// Run also what takes minutes to build: cargo deny, go vet, the programs for ARM, tools for Terraform
        #[arg(long)]
        all: bool,
    },
    /// Show the product on a real API server, then with real Pods and with AWS
    Demo(demo::Options),
    /// Start a control plane with the controller in the background
    ///
    /// Prints export lines for a shell: eval "$(cargo xtask up)"
    Up {
        /// Start a node too, with the controller and the app in Pods; needs root on Linux
        #[arg(long)]
        node: bool,
        /// Start an AWS emulator too, which the controller uses
        #[arg(long)]
        aws: bool,
    },
    /// Stop what `up` started
    Down,
    /// Regenerate generated files
    ///
    /// From the crate `crds`: crds/manifests, and the copy in the chart mtk-controller. From that
    /// chart: deploy/install.yaml. From the template functions: docs/templates.md. From the Terraform modules: the
    /// tables in their READMEs.
    Manifests {
        /// Fail if generated files are out of date
        #[arg(long)]
        check: bool,
    },
    /// Build the images of the controller, the command-line program and the app
    Images(images::Options),
    /// Run benchmarks [default: those of opening, sealing, syncing and memory]
    Bench {
        #[command(subcommand)]
        one: Option<Bench>,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Measure the sealing of 1 and 100 values, beside kubeseal if it is on PATH
    #[command(disable_help_flag = true)]
    Seal {
        /// Options of the benchmark; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure how fast SealedSecrets become Secrets: one at a time, at once, after a restart, at a first start
    #[command(disable_help_flag = true)]
    Sync {
        /// Options of the benchmark; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure the controller's memory with many SealedSecrets and other Secrets
    #[command(disable_help_flag = true)]
    Memory {
        /// Options of the benchmark; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure a controller with many SealedSecrets: first start, restart, latency idle and in a resync, memory
    #[command(disable_help_flag = true)]
    Controller {
        /// Options of the benchmark; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure ExternalSecrets: sweeps, restarts, events and their latency, beside external-secrets/reloader
    #[command(disable_help_flag = true)]
    Aws {
        /// Options of the benchmark; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Render the recorded templates with our engine and with Go's
    Templates(templates::Options),
}

/// Runs the command of these arguments.
pub(crate) async fn run() -> anyhow::Result<()> {
    match Args::parse().verb {
        Verb::Fmt { check } => fmt::run(check).await,
        Verb::Lint(options) => lint::run(&options).await,
        Verb::Check => check::run().await,
        Verb::Test { part, filter, all } => test::run(part, filter.as_deref(), all).await,
        Verb::Demo(options) => demo::run(&options).await,
        Verb::Up { node, aws } => up::run(node, aws).await,
        Verb::Down => down::run().await,
        Verb::Manifests { check } => manifests::run(check).await,
        Verb::Images(options) => images::run(&options).await,
        Verb::Bench { one: None } => bench::all().await,
        Verb::Bench { one: Some(one) } => match one {
            Bench::Seal { arguments } => bench::run("seal", &arguments).await,
            Bench::Sync { arguments } => bench::run("sync", &arguments).await,
            Bench::Memory { arguments } => bench::run("memory", &arguments).await,
            Bench::Controller { arguments } => bench::run("controller", &arguments).await,
            Bench::Aws { arguments } => bench::run("aws", &arguments).await,
            Bench::Templates(options) => templates::run(&options).await,
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
