//! Waiting for what must come.

use std::io::Write as _;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine of two cores. The garbage collector alone needs up
/// to 45 s before it knows a new CustomResourceDefinition: it looks for such every 30 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer, and panics with the words when there is none.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        pause(50).await;
    }
}

/// Waits, where nothing must come.
pub(crate) async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Says on the test program's own standard error, where `cargo test` shows it, that a test was
/// skipped.
pub(crate) fn skip(reason: &str) {
    // Where nobody can be told, nobody is.
    drop(writeln!(std::io::stderr(), "skipped: {reason}"));
}
