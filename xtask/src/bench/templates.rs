//! `cargo xtask bench templates`: renders the recorded templates with our engine and with Go's, in turns.

use std::time::Duration;

use anyhow::Context;
use clap::Args;

use crate::command::{self, program};
use crate::runner::{Output, Steps};
use crate::{build, paths};

/// The corpora, except those of keys and certificates, which would take most of the time.
const CORPORA: [&str; 4] = [
    "gotemplate/tests/corpus/builtin.jsonl",
    "gotemplate/tests/corpus/language.jsonl",
    "sprig/tests/corpus/functions.jsonl",
    "sprig/tests/corpus/sprig.jsonl",
];

/// Options of the benchmark.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Number of turns
    #[arg(long, value_name = "N", default_value_t = 5)]
    turns: usize,
    /// Number of renderings of each template in a turn
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: usize,
}

/// Times of a turn: for parsing and rendering, and for rendering only.
#[derive(Clone, Copy)]
struct Times([Duration; 2]);

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let output = Output::Stdout;
    let mut steps = Steps::new(output);
    let ours = steps
        .step("build our engine in the release profile", build::released_example("sprig", "corpus"))
        .await?;
    let directory = tempfile::tempdir().context("a temporary directory")?;
    let gos = directory.path().join("conformance");
    let build = async {
        let mut go = program("go");
        go.args(["build", "-o"]).arg(&gos).arg(".");
        command::output(go.current_dir(paths::root().join("sprig/conformance"))).await
    };
    steps.step("build Go's engine", build).await?;

    let (mut best_of_ours, mut best_of_gos) =
        (Times([Duration::MAX; 2]), Times([Duration::MAX; 2]));
    for turn in 1..=options.turns {
        let mut rust = program(&ours);
        rust.arg(options.rounds.to_string());
        let rust = times(rust).await?;
        let mut go = program(&gos);
        go.arg("-time").arg(options.rounds.to_string()).env("TZ", "UTC");
        let go = times(go).await?;
        output.line(format_args!("turn {turn}: {}", comparison(rust, go)));
        best_of_ours = best_of_ours.least(rust);
        best_of_gos = best_of_gos.least(go);
    }
    output.line(format_args!("the best of each: {}", comparison(best_of_ours, best_of_gos)));
    Ok(())
}

async fn times(mut program: tokio::process::Command) -> anyhow::Result<Times> {
    program.args(CORPORA.map(|path| paths::root().join(path)));
    let printed = command::output(&mut program).await?;
    let time = |text: &str| text.parse().ok().map(Duration::from_nanos);
    let times: Option<Vec<Duration>> = printed.split_whitespace().map(time).collect();
    let times = times.and_then(|times| times.try_into().ok());
    Ok(Times(times.context("the times of a turn")?))
}

impl Times {
    fn least(self, other: Self) -> Self {
        Self([self.0[0].min(other.0[0]), self.0[1].min(other.0[1])])
    }
}

fn comparison(ours: Times, gos: Times) -> String {
    let what = ["read and rendered", "rendered"];
    let part = |index: usize| {
        let (ours, gos) = (ours.0[index], gos.0[index]);
        let ratio = gos.as_secs_f64() / ours.as_secs_f64();
        format!("{} in {ours:.2?}, by Go in {gos:.2?}: {ratio:.1} times as fast", what[index])
    };
    format!("{}; {}", part(0), part(1))
}
