//! A controller that outlives the program that started it.
//!
//! Its log is its standard error, with a lock on it that is the controller's for as long as it
//! lives: so a number of a process that has ended is never taken for it.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use e2e::cluster::NAMESPACE;
use e2e::controller::{addresses, get};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep};

use crate::command;

/// A new sealing key of 4096 bits takes seconds, more where the machine is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// Starts it on free ports of loopback, and returns when it is ready.
pub(super) async fn start(
    directory: &Path,
    program: &Path,
    kubeconfig: &Path,
) -> anyhow::Result<()> {
    let output = File::create(log(directory)).context("creating the controller's log")?;
    output.try_lock().context("locking the controller's log")?;
    let mut child = command::program(program)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--namespace", NAMESPACE])
        .args(["--listen-addr", "127.0.0.1:0"])
        .args(["--listen-metrics-addr", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(output)
        .kill_on_drop(false)
        // Out of reach of this terminal's Ctrl-C.
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let pid = child.id().context("the controller has ended")?;
    fs::write(directory.join("controller.pid"), pid.to_string())?;
    let patience = Instant::now() + PATIENCE;
    while !is_ready(directory) {
        if child.try_wait()?.is_some() || Instant::now() > patience {
            let log = fs::read_to_string(log(directory)).unwrap_or_default();
            bail!("the controller does not become ready\n{}", log.trim_end());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn is_ready(directory: &Path) -> bool {
    address(directory, "api").is_ok_and(|address| get(address, "/readyz").is_ok())
}

/// Its log.
pub(super) fn log(directory: &Path) -> PathBuf {
    directory.join("controller.log")
}

/// Where it listens, for `api` or `metrics`.
pub(super) fn address(directory: &Path, purpose: &str) -> anyhow::Result<SocketAddr> {
    let addresses = addresses(&fs::read_to_string(log(directory))?);
    let address = addresses.get(purpose).copied();
    address.with_context(|| format!("the controller's log has no {purpose} address"))
}

/// A handle of its process, if it runs.
pub(super) fn find(directory: &Path) -> anyhow::Result<Option<OwnedFd>> {
    let number = match fs::read_to_string(directory.join("controller.pid")) {
        Ok(text) => text.trim().parse().context("reading controller.pid")?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("reading controller.pid"),
    };
    let pid = Pid::from_raw(number).context("controller.pid names no process")?;
    // The handle before the check: it cannot come to mean another process in between.
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error).context("looking for the controller's process"),
    };
    match File::open(log(directory)).context("opening the controller's log")?.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(Some(process)),
        Ok(()) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("the lock of the controller's log"),
    }
}

/// Ends it, and says whether it ran.
pub(super) fn stop(directory: &Path) -> anyhow::Result<bool> {
    let Some(process) = find(directory)? else {
        return Ok(false);
    };
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(&process, signal) {
            Ok(()) => {}
            Err(Errno::SRCH) => return Ok(true),
            Err(error) => return Err(error).context("ending the controller"),
        }
        if has_ended(&process, Duration::from_secs(15))? {
            return Ok(true);
        }
    }
    bail!("the controller's process does not end")
}

fn has_ended(process: &OwnedFd, within: Duration) -> anyhow::Result<bool> {
    let timeout = Timespec::try_from(within)?;
    let mut handles = [PollFd::new(process, PollFlags::IN)];
    Ok(poll(&mut handles, Some(&timeout)).context("waiting for the controller")? > 0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_only_has_the_number_of_one_that_ended_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let mut innocent = Command::new("sleep").arg("600").spawn().unwrap();
        fs::write(directory.path().join("controller.pid"), innocent.id().to_string()).unwrap();
        fs::write(log(directory.path()), "").unwrap();
        assert!(!stop(directory.path()).unwrap());
        assert!(innocent.try_wait().unwrap().is_none(), "it still runs");
        innocent.kill().unwrap();
        innocent.wait().unwrap();
    }

    #[test]
    fn a_process_that_holds_the_lock_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let output = File::create(log(directory.path())).unwrap();
        output.try_lock().unwrap();
        let mut child = Command::new("sleep").arg("600").stderr(output).spawn().unwrap();
        fs::write(directory.path().join("controller.pid"), child.id().to_string()).unwrap();
        assert!(stop(directory.path()).unwrap());
        assert!(!child.wait().unwrap().success());
        assert!(!stop(directory.path()).unwrap());
    }

    #[test]
    fn where_nothing_was_started_there_is_nothing_to_stop() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!stop(directory.path()).unwrap());
    }
}
