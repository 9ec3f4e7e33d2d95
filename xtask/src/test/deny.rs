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
    if command::output(deny().args(["fetch", "db"])).await.is_ok() {
        return command::run(deny().args(["check", "--disable-fetch", "advisories"])).await;
    }
    output.indented("advisories: not checked, their database cannot be fetched from here");
    Ok(())
}
