//! Whether every watch has listed its objects once.

use tokio::sync::watch;

/// Counts the watches that have not listed yet. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Readiness {
    pending: watch::Sender<usize>,
}

/// One watch that readiness waits for.
pub(crate) struct Listing(Option<watch::Sender<usize>>);

impl Readiness {
    pub(crate) fn add_watch(&self) -> Listing {
        self.pending.send_modify(|pending| *pending += 1);
        Listing(Some(self.pending.clone()))
    }

    /// Waits until each watch that was added has listed once.
    pub(crate) async fn wait(&self) {
        let mut pending = self.pending.subscribe();
        pending.wait_for(|pending| *pending == 0).await.expect("this holds the sender");
    }
}

impl Listing {
    /// The watch has a full list. Only the first call counts.
    pub(crate) fn complete(&mut self) {
        if let Some(pending) = self.0.take() {
            pending.send_modify(|pending| *pending -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readiness_waits_for_every_watch() {
        let readiness = Readiness::default();
        let (mut first, mut second) = (readiness.add_watch(), readiness.add_watch());
        let second_wait = Duration::from_secs(1);
        first.complete();
        first.complete();
        assert!(tokio::time::timeout(second_wait, readiness.wait()).await.is_err());
        second.complete();
        assert!(tokio::time::timeout(second_wait, readiness.wait()).await.is_ok());
    }
}
