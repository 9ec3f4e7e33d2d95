//! A local AWS that misbehaves: moto (a real HTTP API of AWS), behind a proxy of ours that counts
//! requests and adds what moto lacks: limits, throttling, denials of single items, lists that lag,
//! stale reads, slow and broken answers, credentials that expire.

pub mod faults;
mod moto;
mod proxy;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Region};

pub use self::faults::{Fault, Faults};
use self::moto::Moto;
use self::proxy::Proxy;
use crate::programs;

/// The region of everything here.
pub const REGION: &str = "eu-west-1";

/// A running AWS. Dropping it ends it.
#[derive(Debug)]
pub struct Aws {
    proxy: Proxy,
    moto: Moto,
}

impl Aws {
    /// Starts one on free ports of loopback.
    pub fn start() -> anyhow::Result<Aws> {
        Aws::start_of(&programs::moto()?)
    }

    /// The same, by the program of moto's server.
    pub fn start_of(moto: &Path) -> anyhow::Result<Aws> {
        let moto = Moto::start(moto)?;
        let proxy = Proxy::start(moto.address())?;
        Ok(Aws { proxy, moto })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The environment of a program that is to use it, and nothing else.
    pub fn environment(&self) -> Vec<(String, String)> {
        environment(self.address())
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Arc<Faults> {
        self.proxy.faults()
    }

    /// Requests by operation, such as `GetSecretValue`, since the start.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        self.proxy.counts()
    }

    /// A client of Secrets Manager that the proxy does not see.
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.moto.url())
            .credentials_provider(credentials())
            .build();
        aws_sdk_secretsmanager::Client::from_conf(config)
    }

    /// A client of Parameter Store that the proxy does not see.
    pub fn parameters(&self) -> aws_sdk_ssm::Client {
        let config = aws_sdk_ssm::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.moto.url())
            .credentials_provider(credentials())
            .build();
        aws_sdk_ssm::Client::from_conf(config)
    }
}

/// The environment of a program that is to use the AWS at this address, and nothing else.
pub fn environment(address: SocketAddr) -> Vec<(String, String)> {
    let url = format!("http://{address}");
    let pairs = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "pod"),
        ("AWS_SECRET_ACCESS_KEY", "pod"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn credentials() -> Credentials {
    Credentials::from_keys("tests", "tests", None)
}
