//! `mtk-seal` encrypts secrets into SealedSecrets that are safe to commit to git.
//!
//! `args` is what the user typed, `command` what was meant; `source` reads values, `certificate`
//! gets the public key, `output` writes the result, and only `report` speaks to the user.

mod args;
mod certificate;
mod command;
mod document;
mod error;
mod exit;
mod names;
mod output;
mod project;
mod rendering;
mod report;
mod secret;
mod source;
mod target;

use std::process::ExitCode;

use clap::Parser as _;

use crate::exit::Exit;
use crate::report::Report;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => return report::usage(&error).into(),
    };
    let report = Report::new(args.quiet);
    match command::Command::try_from(args).and_then(|command| command.run(&report)) {
        Ok(()) => Exit::Success.into(),
        Err(failure) => report.failure(&failure).into(),
    }
}
