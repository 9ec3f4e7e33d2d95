//! Threads for CPU-bound work.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::key::ObjectKey;

/// A few threads. Tasks wait for them in a queue. Cheap to clone.
///
/// One namespace holds at most half of the threads, and at least one. Its other tasks wait in a
/// separate queue, so they never delay tasks of other namespaces.
#[derive(Clone)]
pub(crate) struct BlockingPool {
    permits: Arc<Semaphore>,
    shares: Arc<Mutex<HashMap<String, Weak<Semaphore>>>>,
    /// The objects whose work continues although its caller stopped waiting.
    overdue: Arc<Mutex<HashSet<ObjectKey>>>,
    /// How many tasks run at a time.
    pub(crate) threads: usize,
}

/// A thread of the pool. Dropping its permits lets the pool use another thread.
type Thread = Arc<Mutex<Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>>>;

/// The work of an object took too long, or earlier work of it still continues.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Overdue;

/// The maximum number of additional threads, whose work is overdue.
const MAX_OVERDUE: usize = 16;
/// The most of them that work for one namespace.
const MAX_OVERDUE_PER_NAMESPACE: usize = 4;

const NOT_POISONED: &str = "no holder of the lock panics";

impl BlockingPool {
    /// At least two threads, because one namespace may take half of them.
    pub(crate) fn new(threads: usize) -> Self {
        let threads = threads.max(2);
        Self {
            permits: Arc::new(Semaphore::new(threads)),
            shares: Arc::default(),
            overdue: Arc::default(),
            threads,
        }
    }

    /// Runs `work` for an object of a namespace on a thread of the pool. The thread stays occupied
    /// until `work` ends, even if the caller stops waiting. Panics if `work` panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        namespace: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let thread = self.thread(namespace).await;
        let work = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(thread);
            result
        });
        work.await.expect("work on the pool does not panic")
    }

    /// Runs `work` for an object as [`run`](Self::run) does, and waits for at most `time` after its
    /// start. Work that takes longer continues, because a thread cannot be stopped. The pool then uses
    /// another thread, and the object gets no thread until `work` ends.
    pub(crate) async fn run_within<T: Send + 'static>(
        &self,
        object: &ObjectKey,
        time: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overdue> {
        let overdue = self.overdue.clone();
        if overdue.lock().expect(NOT_POISONED).contains(object) {
            return Err(Overdue);
        }
        let thread = self.thread(&object.namespace).await;
        let busy =
            Busy { thread: thread.clone(), overdue: overdue.clone(), object: object.clone() };
        let object = object.clone();
        let work = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(busy);
            result
        });
        // Continues if the caller stops waiting.
        let watched = tokio::spawn(async move {
            if let Ok(result) = tokio::time::timeout(time, work).await {
                return Ok(result.expect("work on the pool does not panic"));
            }
            let mut permits = thread.lock().expect(NOT_POISONED);
            let mut overdue = overdue.lock().expect(NOT_POISONED);
            // Work that has ended by now has returned its permits.
            if permits.is_some() {
                let namespace = |one: &&ObjectKey| one.namespace == object.namespace;
                let of_namespace = overdue.iter().filter(namespace).count();
                if overdue.len() < MAX_OVERDUE && of_namespace < MAX_OVERDUE_PER_NAMESPACE {
                    *permits = None;
                }
                overdue.insert(object);
            }
            Err(Overdue)
        });
        watched.await.expect("the task that watches the work does not panic")
    }

    async fn thread(&self, namespace: &str) -> Thread {
        const NEVER_CLOSED: &str = "nothing closes the semaphore";
        let share = self.share(namespace).acquire_owned().await.expect(NEVER_CLOSED);
        let permit = self.permits.clone().acquire_owned().await.expect(NEVER_CLOSED);
        Arc::new(Mutex::new(Some((permit, share))))
    }

    fn share(&self, namespace: &str) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().expect(NOT_POISONED);
        if let Some(share) = shares.get(namespace).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.threads / 2));
        shares.insert(namespace.to_owned(), Arc::downgrade(&share));
        share
    }
}

/// Runs `task` to its end on a new runtime. Then abandons threads that are still working.
pub(crate) fn block_on<T>(task: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("the system has threads and epoll");
    let result = runtime.block_on(task);
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// Held by work while it runs.
struct Busy {
    thread: Thread,
    overdue: Arc<Mutex<HashSet<ObjectKey>>>,
    object: ObjectKey,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut permits = self.thread.lock().expect(NOT_POISONED);
        self.overdue.lock().expect(NOT_POISONED).remove(&self.object);
        *permits = None;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc,
        time::{Duration, Instant},
    };

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
        // They are first in the queue.
        tokio::task::yield_now().await;
        let honest = pool.run("honest", || ());
        let result = tokio::time::timeout(Duration::from_secs(5), honest).await;
        drop(end);
        assert!(hostile.join_all().await.into_iter().all(|ended| ended));
        result.expect("64 tasks of another namespace do not hold all threads");
    }

    #[tokio::test]
    async fn overdue_work_costs_one_object_and_no_thread() {
        let pool = BlockingPool::new(2);
        let key =
            |index: usize| ObjectKey { namespace: "hostile".to_owned(), name: index.to_string() };
        let run = async |index, work: fn() -> usize| {
            pool.run_within(&key(index), Duration::from_mins(1), work).await
        };
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        // More objects than the pool has threads.
        for index in 0..4 {
            let ended = ended.clone();
            let endless = move || ended.lock().unwrap().recv().is_err();
            let result = pool.run_within(&key(index), Duration::from_millis(1), endless).await;
            assert_eq!(result, Err(Overdue));
        }
        assert_eq!(run(0, || 1).await, Err(Overdue));
        assert_eq!(run(9, || 1).await, Ok(1));
        drop(end);
        let finally = async {
            while run(0, || 1).await == Err(Overdue) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), finally)
            .await
            .expect("the object is rendered");
        assert_eq!(pool.permits.available_permits(), 2);
    }

    #[tokio::test]
    async fn overdue_work_of_one_namespace_leaves_spare_threads_to_others() {
        let pool = BlockingPool::new(2);
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let namespaces = [("hostile", MAX_OVERDUE_PER_NAMESPACE + 1), ("honest", 3)];
        for (namespace, objects) in namespaces {
            for index in 0..objects {
                let object = ObjectKey { namespace: namespace.to_owned(), name: index.to_string() };
                let ended = ended.clone();
                let endless = move || ended.lock().unwrap().recv().is_err();
                let work = pool.run_within(&object, Duration::from_millis(1), endless);
                let result = tokio::time::timeout(Duration::from_mins(1), work).await;
                assert_eq!(result.expect("a thread"), Err(Overdue), "{object}");
            }
        }
        // The fifth of the hostile namespace keeps the thread that it may have.
        assert_eq!(pool.permits.available_permits(), 1);
        drop(end);
    }

    #[test]
    fn endless_work_does_not_hold_up_the_end_of_the_process() {
        let (_end, ended) = mpsc::channel::<()>();
        let started = Instant::now();
        block_on(async {
            tokio::task::spawn_blocking(move || ended.recv());
        });
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
