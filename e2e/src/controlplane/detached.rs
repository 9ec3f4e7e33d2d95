//! A control plane that outlives the program that started it.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Deserialize;

use super::access::Access;
use super::binary::binary;
use super::launch::{Running, StartOptions, launch};

/// A control plane that runs until [`Detached::stop`], in a directory that a later process can
/// name.
#[derive(Debug)]
pub struct Detached {
    access: Access,
}

impl Detached {
    /// Starts a control plane with all its files in `directory`, and waits until it is ready.
    ///
    /// It first removes the files of a killed control plane. If a control plane runs in
    /// `directory`, that is an error.
    pub fn start(directory: &Path, options: &StartOptions) -> anyhow::Result<Detached> {
        match Owner::read(directory)?.map(|owner| owner.process()).transpose()? {
            Some(Some(_)) => bail!(
                "a control plane runs in {} already\nhint: `cargo xtask down` ends it",
                directory.display(),
            ),
            Some(None) => remove(directory)?,
            None => {}
        }
        let binary = binary(|_| {})?;
        let (child, running) = launch(&binary, directory, options, &["--detach", "--rm"])?;
        // From here on it has no parent. Its process id is in the directory.
        drop(child);
        Ok(Detached { access: Access::new(binary, &running) })
    }

    /// The control plane that runs in `directory`, if it is ready.
    pub fn running(directory: &Path) -> anyhow::Result<Option<Detached>> {
        let Some(owner) = Owner::read(directory)? else {
            return Ok(None);
        };
        if owner.process()?.is_none() || !directory.join("summary.json").exists() {
            return Ok(None);
        }
        let running = Running::read(directory)?;
        Ok(Some(Detached { access: Access::new(binary(|_| {})?, &running) }))
    }

    /// Access to it.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Ends the control plane in `directory`, removes the directory, and returns whether it was
    /// running.
    ///
    /// It never touches a process that has reused the process id.
    pub fn stop(directory: &Path) -> anyhow::Result<bool> {
        let Some(owner) = Owner::read(directory)? else {
            return Ok(false);
        };
        let process = owner.process()?;
        if let Some(process) = &process {
            end(process)?;
        }
        remove(directory)?;
        Ok(process.is_some())
    }
}

/// The process that runs in a directory, as recorded in `up.json`.
#[derive(Deserialize)]
struct Owner {
    pid: i32,
    start_time: String,
    boot: String,
}

impl Owner {
    fn read(directory: &Path) -> anyhow::Result<Option<Owner>> {
        let path = directory.join("up.json");
        match fs::read(&path) {
            Ok(note) => serde_json::from_slice(&note)
                .map(Some)
                .with_context(|| format!("reading {}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// A handle of the process, if its id was not reused. The handle is opened before the check, so
    /// it cannot refer to another process in between.
    fn process(&self) -> anyhow::Result<Option<OwnedFd>> {
        let pid = Pid::from_raw(self.pid).context("up.json names no process")?;
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error).context("looking for the control plane's process"),
        };
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let same = boot.trim() == self.boot
            && start_time(self.pid).is_some_and(|time| time == self.start_time);
        Ok((same && !has_ended(&process, Duration::ZERO)?).then_some(process))
    }
}

/// Field 22 of `proc_pid_stat(5)`. Field 2, the command's name, may contain blanks and brackets, so
/// the count starts after its last bracket, at field 3.
fn start_time(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(22 - 3).map(str::to_owned)
}

fn end(process: &OwnedFd) -> anyhow::Result<()> {
    for signal in [Signal::TERM, Signal::KILL] {
        match pidfd_send_signal(process, signal) {
            Ok(()) => {}
            Err(Errno::SRCH) => return Ok(()),
            Err(error) => return Err(error).context("ending the control plane"),
        }
        if has_ended(process, Duration::from_secs(20))? {
            return Ok(());
        }
    }
    bail!("the control plane's process does not end")
}

/// Whether the process ends within this time. A zombie counts as ended.
fn has_ended(process: &OwnedFd, within: Duration) -> anyhow::Result<bool> {
    let timeout = Timespec::try_from(within)?;
    let mut handles = [PollFd::new(process, PollFlags::IN)];
    Ok(poll(&mut handles, Some(&timeout)).context("waiting for a process")? > 0)
}

fn remove(directory: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", directory.display()))
        }
        _ => Ok(()),
    }
}
