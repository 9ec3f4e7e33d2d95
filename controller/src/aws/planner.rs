//! Turns the reads of many objects into few requests, for one identity: those of the same moment are
//! collected, equal ones are read once, others in batches where possible.
//!
//! Many roles only allow `GetSecretValue`, so a first batch probes whether the identity may read
//! batches, and a single request is always read individually. A value that a batch does not return is
//! read individually, and only that result is final: AWS denies batches some values that an individual
//! read returns, such as secrets of other accounts, or those under a policy that requires a stage.
//! If a batch fails as a whole, its requests are read individually, except after throttling.
//!
//! When AWS throttles a request, all requests of the identity wait, with exponential back-off. They
//! would be throttled too, and cause more throttling for others. A slow batch does not delay the next
//! one, up to a limit. Permissions change, so a denial of batches and all exclusions are forgotten
//! after a day. A response only goes to those who asked before it was read.

mod limits;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{StreamExt as _, future::BoxFuture, stream};
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};

pub(super) use self::limits::is_refusal;
pub(crate) use self::limits::{BATCH_RECHECK_INTERVAL, BatchPermission};
use self::limits::{IndividualResult, Limits};
use crate::{
    aws::{
        error::ReadError,
        read::{ReadRequest, ReadResponse, ReadResult, ReadSource},
    },
    reason::Reason,
};

/// How long requests are collected.
const BATCH_WINDOW: Duration = Duration::from_millis(40);
/// How long the window is extended while more requests come and no batch is full.
const MAX_BATCH_WINDOW: Duration = Duration::from_secs(1);
/// The same while one of them is urgent.
const MAX_URGENT_WINDOW: Duration = Duration::from_millis(200);
/// How many windows in a row may pass without a new request, if batches are allowed and no request is urgent.
const MAX_EMPTY_WINDOWS: u32 = 4;
/// The limit for one identity.
const MAX_CONCURRENT_REQUESTS: usize = 16;
/// How many requests of one namespace are sent before those of other namespaces that came meanwhile: full
/// batches for all requests at a time.
const MAX_TURN_REQUESTS: usize = 320;
/// The limit for the requests of one refused batch.
const MAX_CONCURRENT_INDIVIDUAL_READS: usize = 4;

/// In place of a namespace: requests that wait for a full batch.
const PUT_BACK: &str = "";

type Waiters = Vec<oneshot::Sender<ReadResult<Arc<ReadResponse>>>>;
/// Requests and those who wait for their responses.
type PendingReads = HashMap<ReadRequest, Waiters>;

/// How long a request may wait for a full batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    Routine,
    /// An event has announced a change.
    Urgent,
}

/// Plans the reads of one identity.
pub(crate) struct Planner {
    source: Arc<dyn ReadSource>,
    state: Mutex<State>,
    permits: Arc<Semaphore>,
}

struct State {
    /// By the namespace that asks. Namespaces take turns.
    pending: BTreeMap<String, PendingReads>,
    is_dispatching: bool,
    /// Whether one of the pending requests is urgent.
    is_urgent: bool,
    limits: Limits,
}

impl State {
    fn add(&mut self, namespace: &str, request: ReadRequest, waiters: Waiters) {
        let pending = self.pending.entry(namespace.to_owned()).or_default();
        pending.entry(request).or_default().extend(waiters);
    }

    fn pending_requests(&self) -> usize {
        self.pending.values().map(PendingReads::len).sum()
    }

    /// The first requests of each namespace. Equal ones become one.
    fn take_turn(&mut self) -> PendingReads {
        let mut turn = PendingReads::new();
        self.pending.retain(|_, pending| {
            let first: Vec<_> = pending.keys().take(MAX_TURN_REQUESTS).cloned().collect();
            for request in first {
                let waiters = pending.remove(&request).unwrap_or_default();
                turn.entry(request).or_default().extend(waiters);
            }
            !pending.is_empty()
        });
        self.is_urgent &= !self.pending.is_empty();
        turn
    }
}

impl Planner {
    /// `permission` is what is already known about the identity.
    pub(crate) fn new(source: Arc<dyn ReadSource>, permission: BatchPermission) -> Arc<Self> {
        let limits = Limits::new(permission, Instant::now());
        let (is_dispatching, is_urgent) = (false, false);
        let state = State { pending: BTreeMap::new(), is_dispatching, is_urgent, limits };
        let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS));
        Arc::new(Self { source, state: Mutex::new(state), permits })
    }

    pub(crate) fn batch_permission(&self) -> BatchPermission {
        self.lock().limits.permission
    }

    pub(super) fn max_batch_size(&self) -> usize {
        self.source.max_batch_size()
    }

    /// Reads a value for an object of a namespace, together with other requests of the same moment.
    pub(crate) async fn read(
        self: &Arc<Self>,
        namespace: &str,
        request: ReadRequest,
        urgency: Urgency,
    ) -> ReadResult<Arc<ReadResponse>> {
        let (sender, receiver) = oneshot::channel();
        let was_dispatching = {
            let mut state = self.lock();
            state.is_urgent |= urgency == Urgency::Urgent;
            state.add(namespace, request, vec![sender]);
            std::mem::replace(&mut state.is_dispatching, true)
        };
        if !was_dispatching {
            tokio::spawn(self.clone().dispatch());
        }
        // Only a panic in the reading task drops the sender.
        receiver.await.unwrap_or(Err(ReadError::new(Reason::Unavailable, "read")))
    }

    /// Sends pending requests until there are none.
    async fn dispatch(self: Arc<Self>) {
        loop {
            self.wait_for_batch_window().await;
            let mut pending = {
                let mut state = self.lock();
                state.is_dispatching = !state.pending.is_empty();
                state.take_turn()
            };
            if pending.is_empty() {
                return;
            }
            self.send_batches(&mut pending).await;
            for (request, waiters) in pending {
                let this = self.clone();
                let read = async move { drop(this.read_individually(request, waiters).await) };
                self.spawn(read).await;
            }
        }
    }

    /// Waits until a batch is full or no more requests come.
    async fn wait_for_batch_window(&self) {
        let begun = Instant::now();
        let mut empty_windows = 0;
        loop {
            let before = self.lock().pending_requests();
            tokio::time::sleep(BATCH_WINDOW).await;
            let (now, is_urgent) = {
                let state = self.lock();
                (state.pending_requests(), state.is_urgent)
            };
            empty_windows = if now > before { 0 } else { empty_windows + 1 };
            let is_allowed = self.batch_permission() == BatchPermission::Allowed;
            let max_empty_windows = if is_allowed && !is_urgent { MAX_EMPTY_WINDOWS } else { 1 };
            let max_window = if is_urgent { MAX_URGENT_WINDOW } else { MAX_BATCH_WINDOW };
            let is_over = empty_windows >= max_empty_windows || begun.elapsed() >= max_window;
            if is_over || now >= self.source.max_batch_size() {
                return;
            }
        }
    }

    /// The requests that may be read in batches.
    fn batchable(&self, pending: &PendingReads) -> Vec<ReadRequest> {
        let (mut state, now) = (self.lock(), Instant::now());
        state.limits.expire_exclusions(now);
        if let BatchPermission::Denied(_) = state.limits.recent_permission(now) {
            return Vec::new();
        }
        let is_batchable = |request: &&ReadRequest| {
            self.source.is_batchable(request) && !state.limits.excludes(request)
        };
        pending.keys().filter(is_batchable).cloned().collect()
    }

    /// Sends full batches. The caller reads the rest of `pending` individually.
    async fn send_batches(self: &Arc<Self>, pending: &mut PendingReads) {
        let max_size = self.source.max_batch_size();
        for (index, chunk) in self.batchable(pending).chunks(max_size).enumerate() {
            if chunk.len() == 1 {
                return;
            }
            let this = self.clone();
            let batch: PendingReads =
                chunk.iter().filter_map(|request| pending.remove_entry(request)).collect();
            if self.batch_permission() != BatchPermission::Allowed {
                // In its own task, so that a panic only affects its own requests.
                let probe = tokio::spawn(async move { this.read_batch(batch).await });
                let Ok((probe, left)) = probe.await else { return };
                pending.extend(left);
                if probe.is_break() {
                    return;
                }
                continue;
            }
            // A smaller last batch waits once for more requests, because AWS bills it like a full
            // one.
            if index > 0 && chunk.len() < max_size {
                let mut state = self.lock();
                for (request, waiters) in batch {
                    state.add(PUT_BACK, request, waiters);
                }
                return;
            }
            let read = async move {
                let (_, left) = this.read_batch(batch).await;
                this.read_all_individually(left).await;
            };
            self.spawn(read).await;
        }
    }

    /// Reads a batch. Returns whether the next one may succeed, and the requests that are still to be
    /// read individually.
    async fn read_batch(&self, batch: PendingReads) -> (ControlFlow<()>, PendingReads) {
        let requests = batch.keys().cloned().collect();
        match self.send(self.source.read_batch(requests)).await {
            Ok(mut responses) => {
                let allowed = BatchPermission::Allowed;
                self.lock().limits.set_permission(allowed, Instant::now());
                let (mut retried, mut never_batch) = (PendingReads::new(), PendingReads::new());
                for (request, waiters) in batch {
                    match responses.remove(&request) {
                        Some(Ok(response)) => self.reply(waiters, Ok(response)),
                        Some(Err(error)) if !error.reason.passes() => {
                            never_batch.insert(request, waiters);
                        }
                        _ => drop(retried.insert(request, waiters)),
                    }
                }
                let read = self.read_all_individually(never_batch).await;
                let succeeded = read.into_iter().filter(|(_, error)| error.is_none());
                self.lock().limits.never_batch(succeeded.map(|(request, _)| request));
                (ControlFlow::Continue(()), retried)
            }
            // Individual reads would be throttled too.
            Err(error) if error.reason == Reason::Throttled => {
                for waiters in batch.into_values() {
                    self.reply(waiters, Err(error.clone()));
                }
                (ControlFlow::Break(()), PendingReads::new())
            }
            Err(refusal) if is_refusal(&refusal) => {
                let read = self.read_all_individually(batch).await;
                let (one_poisons, now) = (self.source.one_poisons_batch(), Instant::now());
                let limits = &mut self.lock().limits;
                let next = limits.learn_from_refusal(&refusal, read, one_poisons, now);
                (next, PendingReads::new())
            }
            Err(_) => (ControlFlow::Break(()), batch),
        }
    }

    /// Reads requests individually, a few at a time, so that a slow one delays few others. Returns
    /// their errors.
    async fn read_all_individually(&self, reads: PendingReads) -> Vec<IndividualResult> {
        let read = async |(request, waiters): (ReadRequest, Waiters)| {
            let error = self.read_individually(request.clone(), waiters).await;
            (request, error)
        };
        let reads = stream::iter(reads).map(read);
        reads.buffer_unordered(MAX_CONCURRENT_INDIVIDUAL_READS).collect().await
    }

    /// Reads one request. Returns its error, if it failed.
    async fn read_individually(&self, request: ReadRequest, waiters: Waiters) -> Option<ReadError> {
        let result = self.send(self.source.read(request.clone())).await;
        if result.is_ok() {
            self.lock().limits.poisoned.remove(&request);
        }
        let error = result.as_ref().err().cloned();
        self.reply(waiters, result);
        error
    }

    fn reply(&self, waiters: Waiters, result: ReadResult) {
        self.source.count_served(waiters.len());
        let result = result.map(Arc::new);
        for waiter in waiters {
            // A waiter that timed out needs no reply.
            let _ = waiter.send(result.clone());
        }
    }

    /// Sends a request as soon as AWS does not throttle the identity.
    pub(super) async fn send<T>(&self, request: BoxFuture<'_, ReadResult<T>>) -> ReadResult<T> {
        let pause = self.lock().limits.pause;
        if let Some((end, _)) = pause {
            tokio::time::sleep_until(end).await;
        }
        let result = request.await;
        self.lock().limits.record_result(result.as_ref().err(), Instant::now());
        result
    }

    /// Starts reads in a task, within the limit for the identity.
    async fn spawn(&self, reads: impl Future<Output = ()> + Send + 'static) {
        let permit = self.permits.clone().acquire_owned().await;
        tokio::spawn(async move {
            let _permit = permit.expect("the semaphore is never closed");
            reads.await;
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}
