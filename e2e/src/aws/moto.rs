//! moto's server as a process.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// Runs moto until the end of its own standard input, so that it never outlives its holder.
const HOLD: &str =
    r#""$@" </dev/null >/dev/null 2>&1 & cat >/dev/null; kill -KILL $! 2>/dev/null; wait"#;

#[derive(Debug)]
pub(super) struct Moto {
    holder: Child,
    address: SocketAddr,
}

impl Moto {
    pub(super) fn start(program: &Path) -> anyhow::Result<Moto> {
        // It cannot be asked for a free port, so one is looked for that is free now.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let holder = Command::new("sh")
            .args(["-c", HOLD, "moto"])
            .arg(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .context("starting sh")?;
        let mut moto = Moto { holder, address };
        let started = Instant::now();
        while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
            if started.elapsed() > PATIENCE || moto.holder.try_wait()?.is_some() {
                bail!("moto does not listen on {address}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(moto)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        drop(self.holder.wait());
    }
}
