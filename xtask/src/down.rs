//! `cargo xtask down`: the end of what `up` started.

use crate::steps::Output;
use crate::up;

/// Ends it, if there is anything.
pub(crate) async fn run() -> anyhow::Result<()> {
    // Off the threads that a Ctrl-C needs.
    let ended = tokio::task::spawn_blocking(up::end).await??;
    Output::Stderr.line(if ended { "it is down" } else { "nothing was up" });
    Ok(())
}
