//! Puts a server of this machine behind TLS, with an authority that no trust store knows: so clients use their
//! own trust, as for a server in a cloud.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::moto::{free_address, is_ready};

/// A start takes a fraction of a second, longer on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How the proxy is started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program of the control plane, which is also the proxy.
    pub program: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The server without TLS.
    pub upstream: SocketAddr,
    /// The file to which it writes the certificate of its authority.
    pub authority: PathBuf,
}

impl Settings {
    /// The arguments of the program.
    pub fn arguments(&self) -> [String; 4] {
        [
            "tls-proxy".to_owned(),
            format!("--listen={}", self.listen),
            format!("--upstream={}", self.upstream),
            format!("--authority={}", self.authority.display()),
        ]
    }
}

/// A running proxy. Dropping it stops the proxy.
#[derive(Debug)]
pub struct TlsProxy {
    child: Child,
    settings: Settings,
    _directory: TempDir,
}

impl TlsProxy {
    /// Starts one on a free port of this address of the machine.
    pub fn start(program: &Path, host: IpAddr, upstream: SocketAddr) -> anyhow::Result<TlsProxy> {
        let directory = tempfile::tempdir()?;
        let settings = Settings {
            program: program.to_owned(),
            listen: free_address(host)?,
            upstream,
            authority: directory.path().join("ca.crt"),
        };
        let mut command = Command::new(&settings.program);
        // It ends with the process that holds the other end of its standard input.
        command.args(settings.arguments()).arg("--lifeline").stdin(Stdio::piped());
        let child = command.stderr(Stdio::null()).spawn().context("starting the TLS proxy")?;
        let mut proxy = TlsProxy { child, settings, _directory: directory };
        let started = Instant::now();
        while !is_ready(proxy.settings.listen) {
            if started.elapsed() > START_TIMEOUT || proxy.child.try_wait()?.is_some() {
                bail!("the TLS proxy does not listen on {}", proxy.settings.listen);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(proxy)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.settings.listen
    }

    /// The file with the certificate of its authority.
    pub fn authority(&self) -> &Path {
        &self.settings.authority
    }

    /// The certificate of its authority, as PEM.
    pub fn authority_pem(&self) -> anyhow::Result<String> {
        let path = self.authority();
        fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
