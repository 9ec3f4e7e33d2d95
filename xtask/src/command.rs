//! Runs programs. A program ends when the future that waits for it is dropped.

use std::env;
use std::ffi::OsStr;
use std::future;
use std::process::{Output, Stdio};

use anyhow::{Context, bail};
use rustix::process::{Pid, setpriority_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// As of `nice -n 19`.
const LOWEST_PRIORITY: i32 = 19;

/// A program without the user's settings for our own programs in its environment.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    own(std::process::Command::new(name))
}

/// Like `program`, for an existing command.
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

/// Runs a command with the lowest priority. The user sees its output only if it fails.
pub(crate) async fn run_in_background(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.with_context(|| format!("starting {shown}"))?;
    let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    setpriority_process(Some(pid.context("the program has ended already")?), LOWEST_PRIORITY)?;
    finished(&shown, child.wait_with_output().await?).map(drop)
}

/// Runs a command and returns its standard output.
pub(crate) async fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.output().await.with_context(|| format!("starting {shown}"))?;
    String::from_utf8(finished(&shown, output)?).with_context(|| format!("the output of {shown}"))
}

/// Runs a command, and returns whether it succeeded, and its standard output.
pub(crate) async fn result(command: &mut Command) -> anyhow::Result<(bool, String)> {
    let shown = shown(command);
    let output = command.stdout(Stdio::piped()).spawn().map(Child::wait_with_output);
    let output = output.with_context(|| format!("starting {shown}"))?.await?;
    let text =
        String::from_utf8(output.stdout).with_context(|| format!("the output of {shown}"))?;
    Ok((output.status.success(), text))
}

/// The standard output of a command that ended; an error with its standard error if it failed.
fn finished(shown: &str, output: Output) -> anyhow::Result<Vec<u8>> {
    if !output.status.success() {
        bail!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output.stdout)
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

/// The command as a user would write it.
pub(crate) fn shown(command: &Command) -> String {
    let command = command.as_std();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}
