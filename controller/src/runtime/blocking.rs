//! Threads for work that takes processor time.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A few threads that tasks wait for in line. Cheap to clone.
#[derive(Clone)]
pub(crate) struct BlockingPool {
    permits: Arc<Semaphore>,
    /// How many tasks run at a time.
    pub(crate) threads: usize,
}

impl BlockingPool {
    pub(crate) fn new(threads: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(threads)), threads }
    }

    /// Runs `work` on a thread of the pool. The thread stays taken until `work` ends, even if the
    /// caller gave up waiting. Panics if `work` does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.expect("nothing closes the semaphore");
        let work = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        work.await.expect("work on the pool does not panic")
    }
}
