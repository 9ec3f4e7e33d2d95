//! `cargo xtask down`: stops what `up` started.

use crate::runner::Output;
use crate::up;

/// Stops it, if it runs.
pub(crate) async fn run() -> anyhow::Result<()> {
    // In a separate thread, so that Ctrl-C works meanwhile.
    let ended = tokio::task::spawn_blocking(up::end).await??;
    Output::Stderr.line(if ended { "stopped" } else { "nothing was running" });
    Ok(())
}
