//! Runs the command: single runs as cases in files, and sequences of runs as code.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod cases;
#[cfg(unix)]
mod editing;
mod edits;
#[cfg(unix)]
mod environments;
mod fake_server;
mod flow;
#[cfg(unix)]
mod hostile;
mod kubeseal;
mod lint;
#[cfg(unix)]
mod resealing;
