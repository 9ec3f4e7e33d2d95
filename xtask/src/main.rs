//! `cargo xtask`: the project's task runner.
//!
//! Each command has a file: `fmt`, `lint`, `check`, `test`, `demo`, `up`, `down`, `manifests`,
//! `images`, `bench`. They share these:
//!
//! | module | content |
//! |---|---|
//! | `runner` | prints steps and their times |
//! | `command` | runs programs |
//! | `build`, `tools` | build our programs, and install tools into the cache |
//! | `node` | a node with the controller and the app in Pods |
//! | `shell`, `values` | run a user's commands, and compare the resulting values |
//! | `paths` | the repository and the cache |

mod args;
mod bench;
mod build;
mod check;
mod command;
mod demo;
mod down;
mod fmt;
mod images;
mod lint;
mod manifests;
mod node;
mod paths;
mod runner;
mod shell;
mod test;
mod tools;
mod up;
mod values;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // On Ctrl-C, the future that waits for a program is dropped, which ends the program.
    tokio::select! {
        result = args::run() => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => runner::failed(&error),
        },
        () = command::interrupted() => runner::interrupted(),
    }
}
