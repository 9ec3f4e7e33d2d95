//! Prints the steps of a command and their times. Only this module writes to the terminal.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The stream that a command prints to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    /// Standard output.
    Stdout,
    /// Standard error, if standard output is for programs.
    Stderr,
}

impl Output {
    /// Writes a line. The command continues if the stream is closed.
    pub(crate) fn line(self, text: impl Display) {
        let _ = match self {
            Output::Stdout => writeln!(io::stdout(), "{text}"),
            Output::Stderr => writeln!(io::stderr(), "{text}"),
        };
    }

    /// Writes the lines of a text, indented.
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
    left_out: Vec<String>,
}

impl Steps {
    /// Starts the clock.
    pub(crate) fn new(output: Output) -> Steps {
        Steps { output, started: Instant::now(), done: Vec::new(), left_out: Vec::new() }
    }

    /// The stream of the lines.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// Runs a step. Prints the step's name before it, and its time after it.
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

    /// Prints that something is not done, and why; again in the summary, where nobody overlooks it.
    pub(crate) fn leave_out(&mut self, what: &str) {
        self.output.line(format_args!("==> left out: {what}"));
        self.left_out.push(what.to_owned());
    }

    /// Prints a table of the steps and their times, and what was left out.
    pub(crate) fn summary(&self) {
        self.output.line("\n==> Summary");
        for (what, took) in &self.done {
            self.output.line(format_args!("    {:>9}  {what}", seconds(*took)));
        }
        let all = self.started.elapsed();
        self.output.line(format_args!("    {:>9}  total", seconds(all)));
        for what in &self.left_out {
            self.output.line(format_args!("    left out: {what}"));
        }
    }
}

/// Prints why the command failed.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    Output::Stderr.line(format_args!("error: {error:#}"));
    ExitCode::FAILURE
}

/// Prints that the command was interrupted. The exit code is that of a shell after SIGINT.
pub(crate) fn interrupted() -> ExitCode {
    Output::Stderr.line("interrupted: stopping all started programs");
    ExitCode::from(130)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
