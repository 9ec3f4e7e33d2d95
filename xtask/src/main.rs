//! `cargo xtask`: the project's task runner.
//!
//! Each verb has a file: `fmt`, `lint`, `check`, `test`, `demo`, `up`, `down`, `manifests`, `images`,
//! `bench`. They share these:
//!
//! | module | content |
//! |---|---|
//! | `runner` | prints steps and their times |
//! | `command` | runs programs |
//! | `build`, `tools` | build our programs, and install tools into the cache |
//! | `node` | a node with the controller and the app in Pods |
//! | `shell`, `values` | run a user's commands, and compare the values that they lead to |
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
    // Programs end with the future that waits for them, on Ctrl-C too.
    tokio::select! {
        result = args::run() => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => runner::failed(&error),
        },
        () = command::interrupted() => runner::interrupted(),
    }
}
