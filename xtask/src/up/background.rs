//! Programs that outlive `cargo xtask up`: the controller, an AWS emulator, and TLS in front of it.
//!
//! The standard error of each program is a log file, on which the program holds a lock until it ends.
//! So a process that reuses its process id is never mistaken for it.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use e2e::cluster::NAMESPACE;
use e2e::controller::{addresses, get};
use e2e::moto;
use e2e::tls_proxy::Settings;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::command;

/// A new sealing key of 4096 bits takes seconds, and more on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(2);

/// The name of the controller.
pub(super) const CONTROLLER: &str = "controller";
/// The name of the AWS emulator.
pub(super) const AWS: &str = "aws";
/// The name of the proxy that puts TLS in front of it.
pub(super) const TLS_PROXY: &str = "aws-tls";
/// The file with the emulator's address.
const AWS_ADDRESS: &str = "aws.address";

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

/// Starts an AWS emulator on a free port of loopback, and returns when it listens.
pub(super) async fn start_aws(directory: &Path, program: &Path) -> anyhow::Result<SocketAddr> {
    let address = moto::free_address(Ipv4Addr::LOCALHOST.into())?;
    let mut command = command::program(program);
    command.args(moto::arguments(address));
    start(directory, AWS, command, || moto::is_ready(address)).await?;
    fs::write(directory.join(AWS_ADDRESS), address.to_string())?;
    Ok(address)
}

/// Starts TLS in front of the AWS emulator on a free port of this address. Returns its address, and the file
/// with the certificate of its authority.
pub(super) async fn start_tls_proxy(
    directory: &Path,
    program: &Path,
    host: IpAddr,
    upstream: SocketAddr,
) -> anyhow::Result<(SocketAddr, PathBuf)> {
    let settings = Settings {
        program: program.to_owned(),
        listen: moto::free_address(host)?,
        upstream,
        authority: directory.join("aws-authority.crt"),
    };
    let mut command = command::program(program);
    command.args(settings.arguments());
    start(directory, TLS_PROXY, command, || moto::is_ready(settings.listen)).await?;
    Ok((settings.listen, settings.authority))
}

/// The address of the AWS emulator that was started.
pub(super) fn aws_address(directory: &Path) -> anyhow::Result<SocketAddr> {
    let path = directory.join(AWS_ADDRESS);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    text.parse().with_context(|| format!("reading {}", path.display()))
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
    let deadline = Instant::now() + START_TIMEOUT;
    while !is_ready() {
        if child.try_wait()?.is_some() || Instant::now() > deadline {
            let log = fs::read_to_string(log(directory, name)).unwrap_or_default();
            bail!("{name} did not become ready in time\n{}", log.trim_end());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The log of a program.
pub(super) fn log(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.log"))
}

/// The address that a program listens on, for `api` or `metrics`.
pub(super) fn address(directory: &Path, name: &str, purpose: &str) -> anyhow::Result<SocketAddr> {
    let addresses = addresses(&fs::read_to_string(log(directory, name))?);
    let address = addresses.get(purpose).copied();
    address.with_context(|| format!("the log of {name} has no {purpose} address"))
}

/// A handle of a program's process, if it runs.
pub(super) fn find(directory: &Path, name: &str) -> anyhow::Result<Option<OwnedFd>> {
    let file = format!("{name}.pid");
    let number = match fs::read_to_string(directory.join(&file)) {
        Ok(text) => text.trim().parse().with_context(|| format!("reading {file}"))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {file}")),
    };
    let pid = Pid::from_raw(number).with_context(|| format!("{file} names no process"))?;
    // The handle is opened before the check, so it cannot refer to another process in between.
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

/// Stops a program. Returns whether it ran.
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
    bail!("the process of {name} did not end")
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
    fn process_with_a_reused_number_is_not_killed() {
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
    fn process_that_holds_the_lock_is_ended() {
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
    fn stop_without_a_start_does_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!stop(directory.path(), CONTROLLER).unwrap());
    }
}
