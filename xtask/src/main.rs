//! `cargo xtask`: the project's task runner.
//!
//! One file for each verb (`demo`, `up`, `down`, `test`, `manifests`, `images`, `bench`), and what
//! they share:
//! `steps` says what is going on, `command` runs programs, `build` and `tools` make them, `stage`
//! is a control plane with the controller, `pods` a node on which it runs with the app, `shell` is
//! where a person's lines are run.

mod args;
mod bench;
mod build;
mod command;
mod demo;
mod down;
mod images;
mod lint;
mod manifests;
mod places;
mod pods;
mod shell;
mod stage;
mod steps;
mod test;
mod tools;
mod up;
mod values;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // Whatever the verb has started ends with its future: on Ctrl-C too.
    tokio::select! {
        result = args::run() => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => steps::failed(&error),
        },
        () = command::interrupted() => steps::interrupted(),
    }
}
