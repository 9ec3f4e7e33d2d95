//! What is said while work is done: the only place that writes to the terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The stream that a verb talks on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    /// Standard output.
    Stdout,
    /// Standard error, where standard output is for programs.
    Stderr,
}

impl Output {
    /// Writes a line. That nobody reads it any more is no reason to stop.
    pub(crate) fn line(self, text: impl Display) {
        let _ = match self {
            Output::Stdout => writeln!(io::stdout(), "{text}"),
            Output::Stderr => writeln!(io::stderr(), "{text}"),
        };
    }

    /// Writes the lines of a text, each a little to the right.
    pub(crate) fn indented(self, text: &str) {
        for line in text.lines() {
            self.line(format_args!("    {line}").to_string().trim_end());
        }
    }
}

/// Steps with their times.
#[derive(Debug)]
pub(crate) struct Steps {
    output: Output,
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// None yet.
    pub(crate) fn new(output: Output) -> Steps {
        Steps { output, started: Instant::now(), done: Vec::new() }
    }

    /// Where the lines go.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// Does a step: says so before, and how long it took after.
    pub(crate) async fn step<T>(
        &mut self,
        what: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.output.line(format_args!("==> {what}"));
        let started = Instant::now();
        let result = work.await?;
        let took = started.elapsed();
        self.output.line(format_args!("    done in {}", seconds(took)));
        self.done.push((what.to_owned(), took));
        Ok(result)
    }

    /// Ends with a table of what took how long.
    pub(crate) fn summary(&self) {
        self.output.line("\n==> Summary");
        for (what, took) in &self.done {
            self.output.line(format_args!("    {:>9}  {what}", seconds(*took)));
        }
        let all = self.started.elapsed();
        self.output.line(format_args!("    {:>9}  in all", seconds(all)));
    }
}

/// Says why the verb failed.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    Output::Stderr.line(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}

/// Says that the verb was interrupted: with the code a shell gives for SIGINT.
pub(crate) fn interrupted() -> ExitCode {
    Output::Stderr.line("interrupted: ending what was started");
    ExitCode::from(130)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
