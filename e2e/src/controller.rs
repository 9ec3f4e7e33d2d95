//! A controller as a process of this machine, outside the cluster.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::programs;

/// The time limit for a start, which may create a sealing key, and for a stop.
const PROCESS_TIMEOUT: Duration = Duration::from_mins(1);

/// Runs the controller until the end of its own standard input and then kills it, so that it never
/// outlives its parent, even if the parent is killed. The arguments are its log and the command.
const HOLD: &str = r#"log=$0; "$@" </dev/null >/dev/null 2>"$log" & echo $!; cat >/dev/null; kill -KILL $! 2>/dev/null; wait"#;

/// A running controller. Dropping it kills the controller at once (SIGKILL). So does the end of
/// this process.
#[derive(Debug)]
pub struct Controller {
    holder: Child,
    pid: Pid,
    log: PathBuf,
    addresses: BTreeMap<String, SocketAddr>,
}

impl Controller {
    /// Starts a controller with this kubeconfig and these additional flags. The certificate
    /// endpoint listens at the address `listen`, and the metrics on a free port. Call
    /// [`Controller::ready`] before you use the endpoints.
    pub fn spawn(
        kubeconfig: &Path,
        log: &Path,
        listen: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Controller> {
        Controller::spawn_program(&programs::controller()?, kubeconfig, log, listen, arguments, &[])
    }

    /// Like [`Controller::spawn`], with this program instead of the one that cargo built, and with
    /// these additional variables in the environment.
    pub fn spawn_program(
        program: &Path,
        kubeconfig: &Path,
        log: &Path,
        listen: &str,
        arguments: &[&str],
        environment: &[(String, String)],
    ) -> anyhow::Result<Controller> {
        let mut holder = Command::new("sh")
            .args(["-c", HOLD])
            .arg(log)
            .arg(program)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--listen-addr", listen])
            .args(["--listen-metrics-addr", "127.0.0.1:0"])
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting sh")?;
        let mut pid = String::new();
        if let Some(output) = holder.stdout.take() {
            BufReader::new(output).read_line(&mut pid)?;
        }
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw);
        Ok(Controller {
            holder,
            pid: pid.context("the controller did not start")?,
            log: log.to_owned(),
            addresses: BTreeMap::new(),
        })
    }

    /// Waits until it is ready (`/readyz`). The error contains the log.
    pub fn ready(mut self) -> anyhow::Result<Controller> {
        let started = Instant::now();
        loop {
            self.addresses = addresses(&self.log().unwrap_or_default());
            if self.addresses.len() == 2 && self.get("/readyz").is_ok() {
                return Ok(self);
            }
            if !self.runs() || started.elapsed() > PROCESS_TIMEOUT {
                bail!("the controller is not ready\n{}", self.log()?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of `/v1/cert.pem`, `/healthz` and `/readyz`.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.listens("api")
    }

    /// The body of a response with status 200 from `/v1/cert.pem`, `/healthz` or `/readyz`.
    pub fn get(&self, path: &str) -> anyhow::Result<String> {
        get(self.address()?, path)
    }

    /// The address of `/metrics`.
    pub fn metrics_address(&self) -> anyhow::Result<SocketAddr> {
        self.listens("metrics")
    }

    /// All metrics, as text.
    pub fn metrics_text(&self) -> anyhow::Result<String> {
        get(self.listens("metrics")?, "/metrics")
    }

    /// All metrics: the value by the name with its labels, as in
    /// `mtk_controller_api_requests_total{verb="get",resource="secrets"}`.
    pub fn metrics(&self) -> anyhow::Result<BTreeMap<String, f64>> {
        Ok(parse_metrics(&self.metrics_text()?))
    }

    /// Its log so far.
    pub fn log(&self) -> anyhow::Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("reading {}", self.log.display()))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(self.pid, signal).with_context(|| format!("sending {signal:?}"))
    }

    /// Stops the controller with SIGTERM, and waits for its end.
    pub fn end(self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let stopped = Instant::now();
        while self.runs() {
            if stopped.elapsed() > PROCESS_TIMEOUT {
                bail!("the controller did not end in time\n{}", self.log()?);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether the process exists. An ended one is a zombie until its parent has waited for it.
    pub fn runs(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.pid()))
            .is_ok_and(|stat| !stat.contains(") Z "))
    }

    fn listens(&self, purpose: &str) -> anyhow::Result<SocketAddr> {
        let address = self.addresses.get(purpose).copied();
        address.with_context(|| format!("the controller has no {purpose} address"))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        drop(self.holder.wait());
    }
}

/// The addresses by purpose, from lines such as
/// `… INFO listening purpose="api" address=127.0.0.1:4711`.
pub fn addresses(log: &str) -> BTreeMap<String, SocketAddr> {
    log.lines()
        .filter(|line| line.contains("listening"))
        .filter_map(|line| {
            let field = |name: &str| {
                let (_, value) = line.split_once(name)?;
                value.split_whitespace().next()
            };
            let purpose = field("purpose=")?.trim_matches('"');
            Some((purpose.to_owned(), field("address=")?.parse().ok()?))
        })
        .collect()
}

/// The body if the status is 200.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("not an HTTP answer")?;
    if head.split_whitespace().nth(1) != Some("200") {
        bail!("{path}: {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}

fn parse_metrics(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_log() {
        let log = "2026-11-23T12:00:00Z  INFO starting version=\"0.1.0\"\n\
                   2026-11-23T12:00:00Z  INFO listening purpose=\"api\" address=127.0.0.1:41\n\
                   2026-11-23T12:00:00Z  INFO listening purpose=\"metrics\" address=127.0.0.1:42\n";
        let found = addresses(log);
        assert_eq!(found["api"].port(), 41);
        assert_eq!(found["metrics"].port(), 42);
    }

    #[test]
    fn metric_is_found_by_name_and_labels() {
        let text = "# HELP x y.\nx_total{verb=\"get\",resource=\"a b\"} 3\ny 0.5\n# EOF\n";
        let metrics = parse_metrics(text);
        assert_eq!(metrics["x_total{verb=\"get\",resource=\"a b\"}"].to_string(), "3");
        assert_eq!(metrics["y"].to_string(), "0.5");
    }
}
