//! A local AWS with faults: moto, which serves the HTTP API of AWS, behind a proxy that counts requests and
//! adds what moto lacks: events, limits, throttling, denials of single items, lagging lists, stale reads, slow and
//! invalid responses, expired credentials.

pub mod announcer;
pub mod faults;
pub mod pod;
mod proxy;
pub mod queue;
pub mod table;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region};

pub use self::announcer::{Announcer, Delivery};
pub use self::faults::{Fault, Faults};
use self::proxy::Proxy;
pub use self::proxy::Request;
pub use self::queue::Queue;
pub use self::table::Table;
use crate::moto::{self, Moto};
use crate::programs;

pub use crate::moto::{REGION, bare_environment as bare, environment};

/// A running AWS. Dropping it stops it.
#[derive(Debug)]
pub struct Aws {
    proxy: Proxy,
    moto: Moto,
}

impl Aws {
    /// Starts an emulator on free ports of loopback.
    pub fn start() -> anyhow::Result<Aws> {
        Aws::start_of(&programs::moto()?)
    }

    /// Like `start`, with this program as moto's server.
    pub fn start_of(moto: &Path) -> anyhow::Result<Aws> {
        let moto = Moto::start(moto)?;
        let proxy = Proxy::start(moto.address())?;
        Ok(Aws { proxy, moto })
    }

    /// The proxy's address.
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The environment of a program that uses this emulator, without other AWS settings.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(self.address())
    }

    /// The faults that the proxy injects now.
    pub fn faults(&self) -> &Arc<Faults> {
        self.proxy.faults()
    }

    /// All requests since the start.
    pub fn requests(&self) -> Vec<Request> {
        self.proxy.requests()
    }

    /// Whether all requests have their responses.
    pub fn is_idle(&self) -> bool {
        self.proxy.is_idle()
    }

    /// Requests by operation, such as `GetSecretValue`, since the start.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.proxy.counts()
    }

    /// Creates a queue in which the changes that pass the proxy are announced. Returns its URL at the proxy.
    pub fn event_queue(&self) -> anyhow::Result<String> {
        let url = moto::create_queue(self.moto(), "changes")?;
        let queue = moto::queue_at(&format!("http://{}", self.address()), &url)?;
        self.announcer().announce_to(&queue);
        Ok(queue)
    }

    /// The URL of a queue that the proxy serves in moto's place, for messages that are sent to `queue`.
    pub fn served_event_queue(&self) -> String {
        self.queue().serve();
        format!("http://{}/{}/changes", self.address(), crate::events::ACCOUNT)
    }

    /// The queue that the proxy serves.
    pub fn queue(&self) -> &Queue {
        self.proxy.queue()
    }

    /// Announces the changes that pass the proxy.
    pub fn announcer(&self) -> &Announcer {
        self.proxy.announcer()
    }

    /// Secrets that the proxy serves in moto's place.
    pub fn table(&self) -> &Table {
        self.proxy.table()
    }

    /// A client of Secrets Manager that the proxy does not see.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        secrets_at(&self.moto.url())
    }

    /// The same through the proxy, which announces its changes.
    pub fn announced_secrets(&self) -> aws_sdk_secretsmanager::Client {
        secrets_at(&format!("http://{}", self.address()))
    }

    /// Where moto listens: the proxy does not see its requests.
    pub fn moto(&self) -> SocketAddr {
        self.moto.address()
    }

    /// A client of Parameter Store that the proxy does not see.
    pub fn parameters(&self) -> aws_sdk_ssm::Client {
        parameters_at(&self.moto.url())
    }

    /// The same through the proxy, which announces its changes.
    pub fn announced_parameters(&self) -> aws_sdk_ssm::Client {
        parameters_at(&format!("http://{}", self.address()))
    }
}

fn secrets_at(endpoint: &str) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials())
        .build();
    aws_sdk_secretsmanager::Client::from_conf(config)
}

fn parameters_at(endpoint: &str) -> aws_sdk_ssm::Client {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials())
        .build();
    aws_sdk_ssm::Client::from_conf(config)
}

fn credentials() -> Credentials {
    Credentials::from_keys("tests", "tests", None)
}
