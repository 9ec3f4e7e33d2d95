//! `cargo deny`, with `deny.toml`.

use tokio::process::Command;

use crate::runner::Output;
use crate::{command, paths, tools};

/// Checks duplicates, licences and sources, and advisories if their database can be fetched.
pub(super) async fn check(output: Output) -> anyhow::Result<()> {
    let binary = tools::cargo_deny(output).await?;
    let deny = || -> Command {
        let mut deny = command::program(&binary);
        deny.current_dir(paths::root()).args(["--all-features", "--locked"]);
        deny
    };
    command::run(deny().args(["check", "bans", "licenses", "sources"])).await?;
    // Fetching is a separate step, so that a network error is not mistaken for an advisory.
    let Err(cause) = command::output(deny().args(["fetch", "db"])).await else {
        return command::run(deny().args(["check", "--disable-fetch", "advisories"])).await;
    };
    let cause = cause.to_string();
    let cause = cause.lines().last().unwrap_or_default();
    output.indented(&format!("advisories: not checked, cannot fetch their database: {cause}"));
    Ok(())
}
