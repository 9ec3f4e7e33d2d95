//! `mtk-seal` encrypts secrets into SealedSecrets that are safe to commit to git.
//!
//! `args` declares the arguments and `command` validates them. `input` reads files, the crate `sources`
//! reads values from their text, `certificate` gets the public key, and `output` writes the result.
//! Only `report` prints messages. The module `kubeseal` is the program of that name.

mod args;
mod arn;
mod certificate;
mod cluster;
mod command;
mod error;
mod exit;
mod git;
mod input;
mod kubeseal;
mod manifest_files;
mod manifests_error;
mod memory;
mod names;
mod output;
mod project;
mod record;
mod rendering;
mod report;
mod scope;
mod sealed_file;
mod secret_manifest;
mod source_error;
mod target;
mod trust;
mod unsealing;

use std::process::ExitCode;

use crate::{exit::Exit, report::Report};

fn main() -> ExitCode {
    memory::protect();
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(call) = kubeseal::call(&arguments) {
        return kubeseal::main(&call);
    }
    let args = match args::parse(arguments) {
        Ok(args) => args,
        Err(error) => return report::usage(&error).into(),
    };
    let report = Report::new(args.quiet);
    match command::Command::try_from(args).and_then(|command| command.run(&report)) {
        Ok(()) => Exit::Success.into(),
        Err(failure) => report.failure(&failure).into(),
    }
}
