//! Threads for work that takes processor time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use tokio::sync::Semaphore;

/// A few threads that tasks wait for in line. Cheap to clone.
///
/// One namespace holds at most half of the threads, and at least one. The rest of its tasks wait in a
/// line of their own, so that they never stand before the tasks of other namespaces.
#[derive(Clone)]
pub(crate) struct BlockingPool {
    permits: Arc<Semaphore>,
    shares: Arc<Mutex<HashMap<String, Weak<Semaphore>>>>,
    /// How many tasks run at a time.
    pub(crate) threads: usize,
}

impl BlockingPool {
    /// At least two threads, because one namespace may take half of them.
    pub(crate) fn new(threads: usize) -> Self {
        let threads = threads.max(2);
        Self { permits: Arc::new(Semaphore::new(threads)), shares: Arc::default(), threads }
    }

    /// Runs `work` for an object of a namespace on a thread of the pool. The thread stays taken until
    /// `work` ends, even if the caller gave up waiting. Panics if `work` does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        const NEVER_CLOSED: &str = "nothing closes the semaphore";
        let share = self.share(namespace).acquire_owned().await.expect(NEVER_CLOSED);
        let permit = self.permits.clone().acquire_owned().await.expect(NEVER_CLOSED);
        let work = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((permit, share));
            result
        });
        work.await.expect("work on the pool does not panic")
    }

    fn share(&self, namespace: &str) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().expect("no holder of the lock panics");
        if let Some(share) = shares.get(namespace).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.threads / 2));
        shares.insert(namespace.to_owned(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[tokio::test]
    async fn work_of_one_namespace_does_not_delay_another() {
        let pool = BlockingPool::new(1);
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let mut hostile = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (pool, ended) = (pool.clone(), ended.clone());
            hostile.spawn(async move {
                let wait = move || ended.lock().unwrap().recv().is_err();
                pool.run("hostile", wait).await
            });
        }
        // They stand in line first.
        tokio::task::yield_now().await;
        let honest = pool.run("honest", || ());
        let result = tokio::time::timeout(Duration::from_secs(5), honest).await;
        drop(end);
        assert!(hostile.join_all().await.into_iter().all(|ended| ended));
        result.expect("64 tasks of another namespace do not hold all threads");
    }
}
