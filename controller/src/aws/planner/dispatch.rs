//! Collects requests, sends them, and replies to those who wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{StreamExt as _, future, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::Instant,
};

use super::{
    batch::{BatchOutcome, Diagnosis, Next, classify, diagnose},
    exclusions::Exclusions,
    permission::{BatchPermission, BatchUse, PermissionEvent, PermissionState},
    source::ReadSource,
    throttle::Throttle,
};
use crate::{
    aws::{
        error::ReadError,
        read::{ReadRequest, ReadResponse},
    },
    reason::Reason,
};

/// How long requests are collected.
const BATCH_WINDOW: Duration = Duration::from_millis(40);
/// How long the window is extended while more requests come and no batch is full.
const MAX_BATCH_WINDOW: Duration = Duration::from_secs(1);
/// How many windows in a row may pass without a new request, if batches are allowed.
const MAX_EMPTY_WINDOWS: u32 = 4;
/// The limit for one identity.
const MAX_CONCURRENT_REQUESTS: usize = 16;
/// The limit for the requests of one refused batch.
const MAX_CONCURRENT_INDIVIDUAL_READS: usize = 4;

type Waiter = oneshot::Sender<Result<Arc<ReadResponse>, ReadError>>;
/// Requests and those who wait for their responses.
type PendingReads = HashMap<ReadRequest, Vec<Waiter>>;

/// Plans the reads of one identity.
pub(crate) struct Planner {
    source: Arc<dyn ReadSource>,
    state: Mutex<State>,
    permits: Arc<Semaphore>,
}

struct State {
    pending: PendingReads,
    is_dispatching: bool,
    permission: PermissionState,
    exclusions: Exclusions,
    throttle: Throttle,
}

/// Whether a probe leaves it possible that the next batch succeeds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Probe {
    GoOn,
    Stop,
}

impl Planner {
    /// `permission` is what is already known about the identity.
    pub(crate) fn new(source: Arc<dyn ReadSource>, permission: BatchPermission) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            pending: PendingReads::new(),
            is_dispatching: false,
            permission: PermissionState::new(permission, now),
            exclusions: Exclusions::new(now),
            throttle: Throttle::default(),
        };
        let permits = Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS));
        Arc::new(Self { source, state: Mutex::new(state), permits })
    }

    pub(crate) fn batch_permission(&self) -> BatchPermission {
        self.lock().permission.permission()
    }

    /// Reads a value, together with other requests of the same moment.
    pub(crate) async fn read(
        self: &Arc<Self>,
        request: ReadRequest,
    ) -> Result<Arc<ReadResponse>, ReadError> {
        let (sender, receiver) = oneshot::channel();
        let was_dispatching = {
            let mut state = self.lock();
            state.pending.entry(request).or_default().push(sender);
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
            let (mut pending, batchable) = {
                let mut state = self.lock();
                if state.pending.is_empty() {
                    state.is_dispatching = false;
                    return;
                }
                let pending = std::mem::take(&mut state.pending);
                let batchable = self.batchable(&mut state, &pending);
                (pending, batchable)
            };
            if batchable.len() > 1 {
                self.send_batches(&mut pending, batchable).await;
            }
            for (request, waiters) in pending {
                let permit = self.permit().await;
                let this = self.clone();
                tokio::spawn(async move {
                    this.read_individually(request, waiters).await;
                    drop(permit);
                });
            }
        }
    }

    /// Waits until a batch is full or no more requests come.
    async fn wait_for_batch_window(&self) {
        let begun = Instant::now();
        let mut empty_windows = 0;
        loop {
            let before = self.lock().pending.len();
            tokio::time::sleep(BATCH_WINDOW).await;
            let now = self.lock().pending.len();
            empty_windows = if now > before { 0 } else { empty_windows + 1 };
            let is_allowed = self.batch_permission() == BatchPermission::Allowed;
            let max_empty_windows = if is_allowed { MAX_EMPTY_WINDOWS } else { 1 };
            let is_over = empty_windows >= max_empty_windows || begun.elapsed() >= MAX_BATCH_WINDOW;
            if is_over || now >= self.source.max_batch_size() {
                return;
            }
        }
    }

    /// The requests that may be read in batches.
    fn batchable(&self, state: &mut State, pending: &PendingReads) -> Vec<ReadRequest> {
        let now = Instant::now();
        state.exclusions.expire(now);
        if state.permission.batch_use(now) == BatchUse::Individually {
            return Vec::new();
        }
        let is_batchable = |request: &&ReadRequest| {
            self.source.is_batchable(request) && !state.exclusions.contains(request)
        };
        pending.keys().filter(is_batchable).cloned().collect()
    }

    /// Sends full batches. The caller reads the rest of `pending` individually.
    async fn send_batches(
        self: &Arc<Self>,
        pending: &mut PendingReads,
        batchable: Vec<ReadRequest>,
    ) {
        let max_size = self.source.max_batch_size();
        for (index, chunk) in batchable.chunks(max_size).enumerate() {
            if chunk.len() == 1 {
                return;
            }
            let batch: PendingReads =
                chunk.iter().filter_map(|request| pending.remove_entry(request)).collect();
            if self.lock().permission.batch_use(Instant::now()) != BatchUse::Batches {
                match self.probe(batch, pending).await {
                    Probe::GoOn => continue,
                    Probe::Stop => return,
                }
            }
            // A smaller last batch waits once for more requests, because AWS bills it like a full
            // one.
            if index > 0 && chunk.len() < max_size {
                self.requeue(batch);
                return;
            }
            let permit = self.permit().await;
            let this = self.clone();
            tokio::spawn(async move {
                let (_, left) = this.read_batch(batch).await;
                this.read_all_individually(left).await;
                drop(permit);
            });
        }
    }

    /// Reads one batch to learn whether batches are allowed. It runs in its own task, so that a
    /// panic only affects its own requests.
    async fn probe(self: &Arc<Self>, batch: PendingReads, pending: &mut PendingReads) -> Probe {
        let this = self.clone();
        let probe = tokio::spawn(async move { this.read_batch(batch).await });
        let Ok((probe, left)) = probe.await else { return Probe::Stop };
        pending.extend(left);
        probe
    }

    fn requeue(&self, batch: PendingReads) {
        let mut state = self.lock();
        for (request, waiters) in batch {
            state.pending.entry(request).or_default().extend(waiters);
        }
    }

    /// Reads a batch, and does what [`classify`] decides. Returns the requests that are still to be
    /// read individually.
    async fn read_batch(&self, mut batch: PendingReads) -> (Probe, PendingReads) {
        self.wait_for_throttle().await;
        let requests: Vec<_> = batch.keys().cloned().collect();
        let result = self.source.read_batch(requests.clone()).await;
        self.record_result(result.as_ref().err());
        let outcome = BatchOutcome::of(&result);
        if outcome == BatchOutcome::Answered {
            self.on_permission_event(PermissionEvent::BatchSucceeded);
        }
        let [mut retried, mut individual, mut never_batch] = [(); 3].map(|()| PendingReads::new());
        for (request, next) in classify(requests, result) {
            let Some(waiters) = batch.remove(&request) else { continue };
            match next {
                Next::Reply(response) => self.reply(waiters, response),
                Next::Retry => drop(retried.insert(request, waiters)),
                Next::ReadIndividually => drop(individual.insert(request, waiters)),
                Next::NeverBatch => drop(never_batch.insert(request, waiters)),
            }
        }
        let probe = match outcome {
            BatchOutcome::Answered => {
                self.read_and_exclude(never_batch).await;
                Probe::GoOn
            }
            BatchOutcome::Refused(error) => self.read_and_diagnose(individual, &error).await,
            BatchOutcome::Throttled(_) | BatchOutcome::Failed => Probe::Stop,
        };
        (probe, retried)
    }

    /// Reads requests individually, and keeps those that succeed out of batches.
    async fn read_and_exclude(&self, reads: PendingReads) {
        let mut succeeded: Vec<_> = reads.keys().cloned().collect();
        let failed = self.read_all_individually(reads).await;
        succeeded.retain(|request| failed.iter().all(|(other, _)| other != request));
        self.lock().exclusions.add_never_batch(succeeded);
    }

    /// Reads the requests of a refused batch individually, to find out why it was refused.
    async fn read_and_diagnose(&self, reads: PendingReads, refusal: &ReadError) -> Probe {
        let count = reads.len();
        let failed = self.read_all_individually(reads).await;
        match diagnose(refusal, count, failed, self.source.one_poisons_batch()) {
            Diagnosis::BatchesDenied(action) => {
                self.on_permission_event(PermissionEvent::BatchesDenied(action));
                Probe::Stop
            }
            Diagnosis::Poisoned(requests) => {
                self.lock().exclusions.add_poisoned(requests);
                Probe::GoOn
            }
        }
    }

    /// Reads requests individually, a few at a time, so that a slow one delays few others. Returns
    /// those that failed.
    async fn read_all_individually(&self, reads: PendingReads) -> Vec<(ReadRequest, ReadError)> {
        let read = async |(request, waiters): (ReadRequest, Vec<Waiter>)| {
            let error = self.read_individually(request.clone(), waiters).await;
            error.map(|error| (request, error))
        };
        let reads = stream::iter(reads).map(read).buffer_unordered(MAX_CONCURRENT_INDIVIDUAL_READS);
        reads.filter_map(future::ready).collect().await
    }

    /// Reads one request. Returns its error, if it failed.
    async fn read_individually(
        &self,
        request: ReadRequest,
        waiters: Vec<Waiter>,
    ) -> Option<ReadError> {
        self.wait_for_throttle().await;
        let result = self.source.read(request.clone()).await;
        self.record_result(result.as_ref().err());
        if result.is_ok() {
            self.lock().exclusions.read_succeeded(&request);
        }
        let error = result.as_ref().err().cloned();
        self.reply(waiters, result);
        error
    }

    fn reply(&self, waiters: Vec<Waiter>, result: Result<ReadResponse, ReadError>) {
        self.source.count_served(waiters.len());
        let result = result.map(Arc::new);
        for waiter in waiters {
            // A waiter that timed out needs no reply.
            let _ = waiter.send(result.clone());
        }
    }

    fn on_permission_event(&self, event: PermissionEvent) {
        let mut state = self.lock();
        state.permission = PermissionState::after(event, Instant::now());
    }

    fn record_result(&self, error: Option<&ReadError>) {
        self.lock().throttle.record_result(error, Instant::now());
    }

    async fn wait_for_throttle(&self) {
        let until = self.lock().throttle.until();
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        let permit = self.permits.clone().acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}
