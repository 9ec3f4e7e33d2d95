//! Whether this process may write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::runtime::clock::boot_time;

/// The deadline of a fence that never closes.
const NEVER: u64 = u64::MAX;

/// Open while this process holds the lease. Cheap to clone. The default is open for good: it is that
/// of a process without leader election.
#[derive(Clone)]
pub(crate) struct Fence(Arc<State>);

struct State {
    /// Nanoseconds since the boot of the machine. A frozen process finds it in the past.
    deadline: AtomicU64,
    has_opened: watch::Sender<bool>,
    /// The number of requests in flight that change something.
    writes: watch::Sender<usize>,
}

/// A request in flight that changes something.
pub(crate) struct Write(watch::Sender<usize>);

impl Default for Fence {
    fn default() -> Self {
        Self::until(NEVER)
    }
}

impl Fence {
    /// A fence that is closed until it is extended.
    pub(crate) fn closed() -> Self {
        Self::until(0)
    }

    fn until(deadline: u64) -> Self {
        let has_opened = watch::Sender::new(deadline > 0);
        let (deadline, writes) = (AtomicU64::new(deadline), watch::Sender::new(0));
        Self(Arc::new(State { deadline, has_opened, writes }))
    }

    /// Whether this process never needs a lease.
    pub(crate) fn is_permanent(&self) -> bool {
        self.0.deadline.load(Ordering::Acquire) == NEVER
    }

    /// The lease is held until this time since the boot of the machine.
    pub(super) fn extend(&self, until: Duration) {
        let nanos = u64::try_from(until.as_nanos()).unwrap_or(NEVER - 1);
        self.0.deadline.store(nanos, Ordering::Release);
        self.0.has_opened.send_if_modified(|opened| !std::mem::replace(opened, true));
    }

    /// From now on, no write begins.
    pub(crate) fn close(&self) {
        self.0.deadline.store(0, Ordering::Release);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.remaining().is_some()
    }

    /// How long it stays open, unless it is extended.
    pub(super) fn remaining(&self) -> Option<Duration> {
        let deadline = self.0.deadline.load(Ordering::Acquire);
        if deadline == NEVER {
            return Some(Duration::MAX);
        }
        let remaining = Duration::from_nanos(deadline).saturating_sub(boot_time());
        (!remaining.is_zero()).then_some(remaining)
    }

    /// Waits until it opens for the first time.
    pub(crate) async fn opened(&self) {
        let mut opened = self.0.has_opened.subscribe();
        opened.wait_for(|opened| *opened).await.expect("this holds the sender");
    }

    /// Waits until it is closed.
    pub(super) async fn ended(&self) {
        while let Some(remaining) = self.remaining() {
            tokio::time::sleep(remaining.min(Duration::from_hours(1))).await;
        }
    }

    /// Counts a write until the returned value is dropped.
    pub(super) fn begin_write(&self) -> Write {
        self.0.writes.send_modify(|writes| *writes += 1);
        Write(self.0.writes.clone())
    }

    /// Waits until no write is in flight.
    pub(crate) async fn drained(&self) {
        let mut writes = self.0.writes.subscribe();
        writes.wait_for(|writes| *writes == 0).await.expect("this holds the sender");
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.0.send_modify(|writes| *writes -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fence_closes_at_its_deadline_unless_it_is_extended() {
        let fence = Fence::closed();
        assert!(!fence.is_open());
        fence.extend(boot_time() + Duration::from_secs(4));
        assert!(fence.is_open());
        tokio::time::advance(Duration::from_secs(3)).await;
        fence.extend(boot_time() + Duration::from_secs(4));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(fence.is_open());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!fence.is_open());
        fence.ended().await;
    }

    #[tokio::test(start_paused = true)]
    async fn fence_without_election_is_open_for_good() {
        let fence = Fence::default();
        fence.opened().await;
        tokio::time::advance(Duration::from_hours(10_000)).await;
        assert!(fence.is_open() && fence.is_permanent());
        assert!(!Fence::closed().is_permanent());
    }

    #[tokio::test(start_paused = true)]
    async fn closed_fence_is_drained_when_the_last_write_ends() {
        let fence = Fence::default();
        let writes = [fence.begin_write(), fence.begin_write()];
        let drained = || tokio::time::timeout(Duration::from_secs(1), fence.drained());
        assert!(drained().await.is_err());
        drop(writes);
        assert!(drained().await.is_ok());
    }
}
