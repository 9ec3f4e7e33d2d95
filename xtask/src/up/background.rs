//! Programs that outlive the one that started them: the controller, and a local AWS.
//!
//! The log of each is its standard error, with a lock on it that is the program's for as long as it
//! lives: so a number of a process that has ended is never taken for it.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
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
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::command;

/// A new sealing key of 4096 bits takes seconds, more where the machine is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// The controller's name here.
pub(super) const CONTROLLER: &str = "controller";
/// The name of the local AWS.
pub(super) const AWS: &str = "aws";

/// Starts the controller on free ports of loopback, and returns when it is ready.
pub(super) async fn start_controller(
    directory: &Path,
    program: &Path,
    kubeconfig: &Path,
    environment: &[(String, String)],
) -> anyhow::Result<()> {
    let mut command = command::program(program);
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--namespace", NAMESPACE])
        .args(["--listen-addr", "127.0.0.1:0"])
        .args(["--listen-metrics-addr", "127.0.0.1:0"])
        .envs(environment.iter().map(|(name, value)| (name, value)));
    let is_ready =
        || address(directory, CONTROLLER, "api").is_ok_and(|at| get(at, "/readyz").is_ok());
    start(directory, CONTROLLER, command, is_ready).await
}

/// Starts a local AWS at this address, which is this program's, and returns when it listens.
pub(super) async fn start_aws(
    directory: &Path,
    this: &Path,
    moto: &Path,
    host: IpAddr,
) -> anyhow::Result<SocketAddr> {
    let mut command = command::program(this);
    command.arg("serve-aws").arg(moto).arg(host.to_string());
    start(directory, AWS, command, || address(directory, AWS, "aws").is_ok()).await?;
    address(directory, AWS, "aws")
}

async fn start(
    directory: &Path,
    name: &str,
    mut command: Command,
    is_ready: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let output =
        File::create(log(directory, name)).with_context(|| format!("the log of {name}"))?;
    output.try_lock().with_context(|| format!("locking the log of {name}"))?;
    let mut child = command
        .stdout(Stdio::null())
        .stderr(output)
        .kill_on_drop(false)
        // Out of reach of this terminal's Ctrl-C.
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {name}"))?;
    let pid = child.id().with_context(|| format!("{name} has ended"))?;
    fs::write(directory.join(format!("{name}.pid")), pid.to_string())?;
    let patience = Instant::now() + PATIENCE;
    while !is_ready() {
        if child.try_wait()?.is_some() || Instant::now() > patience {
            let log = fs::read_to_string(log(directory, name)).unwrap_or_default();
            bail!("{name} does not become ready\n{}", log.trim_end());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The log of one.
pub(super) fn log(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.log"))
}

/// Where one listens, for `api`, `metrics` or `aws`.
pub(super) fn address(directory: &Path, name: &str, purpose: &str) -> anyhow::Result<SocketAddr> {
    let addresses = addresses(&fs::read_to_string(log(directory, name))?);
    let address = addresses.get(purpose).copied();
    address.with_context(|| format!("the log of {name} has no {purpose} address"))
}

/// A handle of the process of one, if it runs.
pub(super) fn find(directory: &Path, name: &str) -> anyhow::Result<Option<OwnedFd>> {
    let file = format!("{name}.pid");
    let number = match fs::read_to_string(directory.join(&file)) {
        Ok(text) => text.trim().parse().with_context(|| format!("reading {file}"))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {file}")),
    };
    let pid = Pid::from_raw(number).with_context(|| format!("{file} names no process"))?;
    // The handle before the check: it cannot come to mean another process in between.
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("looking for {name}")),
    };
    let log = File::open(log(directory, name)).with_context(|| format!("the log of {name}"))?;
    match log.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(Some(process)),
        Ok(()) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("the lock of the log of {name}"))
        }
    }
}

/// Ends it, and says whether it ran.
pub(super) fn stop(directory: &Path, name: &str) -> anyhow::Result<bool> {
    let Some(process) = find(directory, name)? else {
        return Ok(false);
    };
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(&process, signal) {
            Ok(()) => {}
            Err(Errno::SRCH) => return Ok(true),
            Err(error) => return Err(error).with_context(|| format!("ending {name}")),
        }
        if has_ended(&process, Duration::from_secs(15))? {
            return Ok(true);
        }
    }
    bail!("the process of {name} does not end")
}

fn has_ended(process: &OwnedFd, within: Duration) -> anyhow::Result<bool> {
    let timeout = Timespec::try_from(within)?;
    let mut handles = [PollFd::new(process, PollFlags::IN)];
    Ok(poll(&mut handles, Some(&timeout)).context("waiting for a process")? > 0)
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
        fs::write(log(directory.path(), CONTROLLER), "").unwrap();
        assert!(!stop(directory.path(), CONTROLLER).unwrap());
        assert!(innocent.try_wait().unwrap().is_none(), "it still runs");
        innocent.kill().unwrap();
        innocent.wait().unwrap();
    }

    #[test]
    fn a_process_that_holds_the_lock_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let output = File::create(log(directory.path(), CONTROLLER)).unwrap();
        output.try_lock().unwrap();
        let mut child = Command::new("sleep").arg("600").stderr(output).spawn().unwrap();
        fs::write(directory.path().join("controller.pid"), child.id().to_string()).unwrap();
        assert!(stop(directory.path(), CONTROLLER).unwrap());
        assert!(!child.wait().unwrap().success());
        assert!(!stop(directory.path(), CONTROLLER).unwrap());
    }

    #[test]
    fn where_nothing_was_started_there_is_nothing_to_stop() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!stop(directory.path(), CONTROLLER).unwrap());
    }
}
