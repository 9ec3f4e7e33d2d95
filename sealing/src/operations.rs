//! Counting private-key operations.

use std::sync::atomic::{AtomicU64, Ordering};

/// The number of RSA private-key operations of this process: one for each key tried on each item, and one
/// signature for each generated key.
///
/// An operation takes milliseconds. Everything else in this crate takes microseconds. The number
/// never decreases. Metrics show it, and tests use it to check that operations are skipped.
pub fn private_key_operations() -> u64 {
    OPERATIONS.load(Ordering::Relaxed)
}

pub(crate) fn count_operation() {
    OPERATIONS.fetch_add(1, Ordering::Relaxed);
}

static OPERATIONS: AtomicU64 = AtomicU64::new(0);
