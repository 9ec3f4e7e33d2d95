//! Waiting for a condition.

use std::io::Write as _;
use std::time::{Duration, Instant};

/// Longer than any wait on a busy machine with two cores. The garbage collector needs up to 45 s
/// before it knows a new CustomResourceDefinition: it looks for new ones every 30 s.
const TIMEOUT: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Polls until there is a result, and panics with the description after the timeout.
pub(crate) async fn eventually<T>(what: &str, mut poll: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(result) = poll().await {
            return result;
        }
        assert!(started.elapsed() < TIMEOUT, "timed out: {what}");
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Reports on the test program's own standard error, which `cargo test` shows, that a test was
/// skipped.
pub(crate) fn skip(reason: &str) {
    // The report is lost if standard error is closed.
    drop(writeln!(std::io::stderr(), "skipped: {reason}"));
}
