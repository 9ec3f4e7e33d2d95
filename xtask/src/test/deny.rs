//! `cargo deny`, by `deny.toml`.

use tokio::process::Command;

use crate::steps::Output;
use crate::{command, places, tools};

/// Duplicates, licences and sources; advisories where their database can be had.
pub(super) async fn check(output: Output) -> anyhow::Result<()> {
    let binary = tools::cargo_deny(output).await?;
    let deny = || -> Command {
        let mut deny = command::program(&binary);
        deny.current_dir(places::root()).args(["--all-features", "--locked"]);
        deny
    };
    command::run(deny().args(["check", "bans", "licenses", "sources"])).await?;
    // Fetching is a step of its own: an advisory must not pass for a network that is down.
    let Err(cause) = command::output(deny().args(["fetch", "db"])).await else {
        return command::run(deny().args(["check", "--disable-fetch", "advisories"])).await;
    };
    let cause = cause.to_string();
    let cause = cause.lines().last().unwrap_or_default();
    output.indented(&format!("advisories: not checked, their database is out of reach: {cause}"));
    Ok(())
}
