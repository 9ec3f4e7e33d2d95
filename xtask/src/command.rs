//! Runs programs. A program ends when the future that waits for it is dropped.

use std::env;
use std::ffi::OsStr;
use std::future;
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// A program without the user's settings of our own programs in its environment.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    own(std::process::Command::new(name))
}

/// The same for a command that exists.
pub(crate) fn own(command: std::process::Command) -> Command {
    let mut command = Command::from(command);
    command.kill_on_drop(true).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_setting = text.starts_with("MTK_") || text.starts_with("SEALED_SECRETS_");
        if is_setting && text != "MTK_CACHE_DIR" {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command whose output the user sees.
pub(crate) async fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command.status().await.with_context(|| format!("starting {shown}"))?;
    if !status.success() {
        bail!("{shown}: {status}");
    }
    Ok(())
}

/// Runs a command and returns its standard output.
pub(crate) async fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.output().await.with_context(|| format!("starting {shown}"))?;
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("the output of {shown}"))
}

/// Returns on SIGINT and SIGTERM.
pub(crate) async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn shown(command: &Command) -> String {
    let command = command.as_std();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}
