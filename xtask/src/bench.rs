//! `cargo xtask bench`: benchmarks. They print measurements and never fail because of a number.
//!
//! The example `bench` of the crate `e2e` contains the benchmarks on a real API server and of the
//! command line, because it has clients for Kubernetes and AWS. They measure the programs that ship.

pub(crate) mod templates;

use std::path::PathBuf;

use crate::build::{self, Programs};
use crate::runner::{Output, Steps};
use crate::{command, images, tools};

/// The programs that benchmarks run.
struct Built {
    programs: Programs,
    bench: PathBuf,
    opening: PathBuf,
}

/// Runs one benchmark with these arguments.
pub(crate) async fn run(name: &str, arguments: &[String]) -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let built = Built::build(&mut steps).await?;
    built.run(&mut steps, name, arguments).await
}

/// Runs the benchmarks of sealing, opening, syncing and memory.
pub(crate) async fn all() -> anyhow::Result<()> {
    let mut steps = Steps::new(Output::Stdout);
    let built = Built::build(&mut steps).await?;
    let mut opening = command::program(&built.opening);
    steps.step("open an item, beside the RSA library", command::run(&mut opening)).await?;
    for name in ["seal", "sync", "memory"] {
        built.run(&mut steps, name, &[]).await?;
    }
    Ok(())
}

impl Built {
    async fn build(steps: &mut Steps) -> anyhow::Result<Built> {
        let output = steps.output();
        let programs = images::build_shipped_programs(output);
        let programs = steps.step("build the programs that ship", programs).await?;
        let opening = build::released_example("sealing", "opening");
        let opening = steps.step("build the benchmark of openings", opening).await?;
        let bench = build::example("bench");
        let bench = steps.step("build the other benchmarks", bench).await?;
        steps.step("build the control plane", build::control_plane(output)).await?;
        Ok(Built { programs, bench, opening })
    }

    async fn run(&self, steps: &mut Steps, name: &str, arguments: &[String]) -> anyhow::Result<()> {
        let mut bench = command::program(&self.bench);
        bench
            .arg(name)
            .args(arguments)
            .env("MTK_CONTROLLER_BIN", &self.programs.controller)
            .env("MTK_SEAL_BIN", &self.programs.seal)
            .env("MTK_OPENING", &self.opening);
        if name == "aws" {
            let moto = tools::moto(steps.output());
            bench.env("MTK_MOTO", steps.step("install moto, an AWS emulator", moto).await?);
        }
        steps.step(&format!("run the benchmark {name}"), command::run(&mut bench)).await
    }
}
