//! `cargo xtask bench memory`: the controller's memory when it starts in a large cluster.

use std::collections::BTreeMap;

use clap::Args;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::time::Instant;

use super::objects;
use super::print;
use super::process::Usage;
use super::session::Session;
use super::sync::{Bench, settled};

/// The value of a Secret that no SealedSecret owns.
const FOREIGN_BYTES: usize = 10_000;
/// Objects that the benchmark holds in memory at a time.
const CHUNK: usize = 500;

/// Options of the benchmark.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Number of SealedSecrets of five items
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    objects: usize,
    /// Number of other Secrets, of 10 kB each
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    foreign: usize,
}

/// Measures on a new control plane, with the controller that ships.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut session = Session::start(Vec::new())?;
    session.start_controller()?;
    let bench = Bench::prepare(&session).await?;
    session.take_controller()?.end()?;
    for first in (0..options.foreign).step_by(CHUNK) {
        let chunk: Vec<_> = (first..options.foreign.min(first + CHUNK)).map(foreign).collect();
        objects::create(&bench.client, &chunk).await?;
    }
    for first in (0..options.objects).step_by(CHUNK) {
        let count = CHUNK.min(options.objects - first);
        objects::create(&bench.client, &bench.seal(&format!("sealed-{first}"), count)?).await?;
    }
    let (sealed, foreign) = (options.objects, options.foreign);
    print(format_args!("{sealed} SealedSecrets and {foreign} other Secrets exist"));
    for what in ["first start, without Secrets", "restart, all in sync"] {
        let started = Instant::now();
        session.start_controller()?;
        settled(session.controller()?).await?;
        let (usage, elapsed) = (Usage::of(session.controller()?.pid())?, started.elapsed());
        print(format_args!("{what}: in sync after {:.1} s: {usage}", elapsed.as_secs_f64()));
        session.take_controller()?.end()?;
    }
    Ok(())
}

fn foreign(number: usize) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(format!("foreign-{number:05}")),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("value".to_owned(), ByteString(vec![b'x'; FOREIGN_BYTES]))])),
        ..Secret::default()
    }
}
