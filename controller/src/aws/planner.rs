//! From what many objects want to few requests, for one identity.
//!
//! Wants of the same moment are put together: the same one is read once, and those that can be are read
//! in batches. Whether the identity may read batches is found out by one: many roles allow
//! `GetSecretValue` only, so that a single want is always read singly, and a refused batch is read
//! singly too. What a batch does not give is read singly: only that is final, since a batch may be
//! refused what a single read is not (secrets of other accounts, policies that ask for a stage).
//!
//! Where AWS asks for fewer requests, all of the identity wait, ever longer: their attempts would be
//! throttled too, and those of others with them.
//!
//! What can go wrong: a batch fails as a whole (then its wants are read singly, but for a throttle, which
//! that would make worse), or is slow (then the next one goes beside it, up to a limit). Wants that spoil
//! a batch, or that only a single read gives, are kept out of batches. Rights change: what was found out
//! is put to the test again once a day. An answer is given only to those who asked before it was read.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{
    StreamExt as _,
    future::{self, BoxFuture},
    stream,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::Instant,
};

use super::{ReadError, ReadRequest, ReadResponse};
use crate::reason::Reason;

/// How long wants are collected.
const LINGER: Duration = Duration::from_millis(40);
/// How long at most, as long as more come and there is no full batch.
const LONGEST_LINGER: Duration = Duration::from_secs(1);
/// How often in a row nothing may come meanwhile, where batches may be read.
const PAUSES: u32 = 4;
/// How many requests of one identity are on their way at a time.
const REQUESTS: usize = 16;
/// How many wants of a batch that failed are read at a time.
const ABREAST: usize = 4;
/// How long no request goes out after one was throttled; twice as long each time in a row.
const BRAKE: Duration = Duration::from_millis(500);
/// How long at most.
const LONGEST_BRAKE: Duration = Duration::from_secs(8);
/// After how long a refusal of batches is put to the test again.
pub const ASKED_AGAIN: Duration = Duration::from_hours(24);

/// What reads.
pub trait Source: Send + Sync + 'static {
    /// How many wants a batch may have.
    fn most(&self) -> usize;
    /// Whether it can be in a batch.
    fn batches(&self, want: &ReadRequest) -> bool;
    /// Reads one.
    fn single(&self, want: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>>;
    /// Reads many; what is left out of the result is not known.
    fn batch(&self, wants: Vec<ReadRequest>) -> BoxFuture<'_, Result<Answers, ReadError>>;
    /// Whether a batch is refused as a whole for one of its wants.
    fn is_spoiled_by_one(&self) -> bool;
    /// So many objects were given an answer.
    fn asked(&self, wants: usize);
}

/// The answers of a batch.
pub type Answers = BTreeMap<ReadRequest, Result<ReadResponse, ReadError>>;

/// Whether an identity may read batches.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BatchPermission {
    /// Nobody knows.
    #[default]
    Unknown,
    /// It may.
    Allowed,
    /// It may not: this action is denied.
    Denied(&'static str),
}

type Waiter = oneshot::Sender<Result<Arc<ReadResponse>, ReadError>>;
type Waiting = HashMap<ReadRequest, Vec<Waiter>>;

/// Plans the reads of one identity.
pub struct Planner {
    source: Arc<dyn Source>,
    state: Mutex<State>,
    requests: Arc<Semaphore>,
}

struct State {
    pending: Waiting,
    is_dispatching: bool,
    batches: BatchPermission,
    /// When that was found out.
    asked: Instant,
    /// What spoils the batches that it is in.
    spoilers: HashSet<ReadRequest>,
    /// What batches do not give, though it can be read.
    alone: HashSet<ReadRequest>,
    /// Since when these two are collected.
    since: Instant,
    /// Until when nothing goes out, and how often in a row AWS has asked for that.
    brake: Option<(Instant, u32)>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Tried {
    /// It was answered.
    Answered,
    /// BatchPermission are refused.
    Refused,
    /// It was refused for one of its wants.
    Spoiled,
    /// It failed, which may pass.
    Failed,
}

impl State {
    /// Heeds what became of a request.
    fn heed(&mut self, error: Option<&ReadError>) {
        let now = Instant::now();
        let is_over = self.brake.is_none_or(|(until, _)| until <= now);
        let is_throttled = error.is_some_and(|error| error.reason == Reason::Throttled);
        // Those that were on their way with it say nothing new.
        if is_over && is_throttled {
            let times = self.brake.map_or(0, |(_, times)| times.saturating_add(1));
            let pause = BRAKE.saturating_mul(1 << times.min(8)).min(LONGEST_BRAKE);
            self.brake = Some((now + pause, times));
        } else if is_over && error.is_none() {
            self.brake = None;
        }
    }
}

impl Planner {
    /// One that reads from this source, and knows as much of batches.
    pub fn new(source: Arc<dyn Source>, batches: BatchPermission) -> Arc<Self> {
        let state = State {
            pending: Waiting::new(),
            is_dispatching: false,
            batches,
            asked: Instant::now(),
            spoilers: HashSet::new(),
            alone: HashSet::new(),
            since: Instant::now(),
            brake: None,
        };
        let requests = Arc::new(Semaphore::new(REQUESTS));
        Arc::new(Self { source, state: Mutex::new(state), requests })
    }

    /// Whether batches may be read, as far as it is known.
    pub fn batches(&self) -> BatchPermission {
        self.lock().batches
    }

    /// Reads one want, together with others of the same moment.
    ///
    /// # Errors
    /// That of this want.
    pub async fn read(self: &Arc<Self>, want: ReadRequest) -> Result<Arc<ReadResponse>, ReadError> {
        let (sender, receiver) = oneshot::channel();
        let dispatches = {
            let mut state = self.lock();
            state.pending.entry(want).or_default().push(sender);
            !std::mem::replace(&mut state.is_dispatching, true)
        };
        if dispatches {
            tokio::spawn(self.clone().dispatch());
        }
        // The sender is dropped only with a panic in the task that reads.
        receiver.await.unwrap_or(Err(ReadError::new(Reason::Unavailable, "read")))
    }

    /// Sends what is pending until nothing is.
    async fn dispatch(self: Arc<Self>) {
        loop {
            self.linger().await;
            let (mut wants, batchable) = {
                let mut state = self.lock();
                if state.pending.is_empty() {
                    state.is_dispatching = false;
                    return;
                }
                let wants = std::mem::take(&mut state.pending);
                let batchable = self.batchable(&mut state, &wants);
                (wants, batchable)
            };
            if batchable.len() > 1 {
                self.batched(&mut wants, batchable).await;
            }
            for (want, waiters) in wants {
                let permit = self.permit().await;
                let this = self.clone();
                tokio::spawn(async move {
                    this.single(want, waiters).await;
                    drop(permit);
                });
            }
        }
    }

    /// What may be read in batches.
    fn batchable(&self, state: &mut State, wants: &Waiting) -> Vec<ReadRequest> {
        if state.since.elapsed() >= ASKED_AGAIN {
            state.spoilers.clear();
            state.alone.clear();
            state.since = Instant::now();
        }
        let is_refused = matches!(state.batches, BatchPermission::Denied(_));
        if is_refused && state.asked.elapsed() < ASKED_AGAIN {
            return Vec::new();
        }
        let is_kept_out =
            |want: &ReadRequest| state.spoilers.contains(want) || state.alone.contains(want);
        let fits = |want: &&ReadRequest| self.source.batches(want) && !is_kept_out(want);
        wants.keys().filter(fits).cloned().collect()
    }

    /// Waits until a batch is full or nothing more comes.
    async fn linger(&self) {
        let begun = Instant::now();
        let mut pauses = 0;
        loop {
            let before = self.lock().pending.len();
            tokio::time::sleep(LINGER).await;
            let now = self.lock().pending.len();
            pauses = if now > before { 0 } else { pauses + 1 };
            let enough = if self.batches() == BatchPermission::Allowed { PAUSES } else { 1 };
            let is_over = pauses >= enough || begun.elapsed() >= LONGEST_LINGER;
            if is_over || now >= self.source.most() {
                return;
            }
        }
    }

    /// Reads as many as full batches take. The last, smaller one waits for others to join once.
    async fn batched(self: &Arc<Self>, wants: &mut Waiting, batchable: Vec<ReadRequest>) {
        let most = self.source.most();
        for (index, chunk) in batchable.chunks(most).enumerate() {
            if chunk.len() == 1 {
                return;
            }
            let mut taken: Waiting =
                chunk.iter().filter_map(|want| wants.remove_entry(want)).collect();
            if self.batches() != BatchPermission::Allowed {
                // One alone, to see whether it may be; in a task of its own, so that a panic in it costs
                // its wants only.
                let this = self.clone();
                let probe = tokio::spawn(async move {
                    let tried = this.batch(&mut taken).await;
                    (tried, taken)
                });
                let Ok((tried, left)) = probe.await else { return };
                wants.extend(left);
                match tried {
                    Tried::Answered | Tried::Spoiled => continue,
                    Tried::Refused | Tried::Failed => return,
                }
            }
            // A rest that is smaller goes back, if more may come: a batch costs as much full or not.
            if index > 0 && chunk.len() < most {
                let mut state = self.lock();
                for (want, waiters) in taken {
                    state.pending.entry(want).or_default().extend(waiters);
                }
                return;
            }
            let permit = self.permit().await;
            let this = self.clone();
            tokio::spawn(async move {
                this.batch(&mut taken).await;
                this.singly(taken).await;
                drop(permit);
            });
        }
    }

    /// Reads a batch, and takes out what it answers: what is left is to be read singly.
    async fn batch(&self, wants: &mut Waiting) -> Tried {
        self.braked().await;
        let answers = self.source.batch(wants.keys().cloned().collect()).await;
        self.lock().heed(answers.as_ref().err());
        let error = match answers {
            Ok(answers) => {
                self.found(BatchPermission::Allowed);
                let mut refused = Waiting::new();
                for (want, answer) in answers {
                    // What passes may have passed when it is asked for alone.
                    if answer.as_ref().is_err_and(ReadError::passes) {
                        continue;
                    }
                    let Some(waiters) = wants.remove(&want) else { continue };
                    if answer.is_ok() {
                        self.give(waiters, answer);
                    } else {
                        refused.insert(want, waiters);
                    }
                }
                self.refused(refused).await;
                return Tried::Answered;
            }
            Err(error) => error,
        };
        if error.reason == Reason::Throttled {
            for (_, waiters) in std::mem::take(wants) {
                self.give(waiters, Err(error.clone()));
            }
            return Tried::Failed;
        }
        // Without credentials, nothing is known of rights.
        if error.passes() || error.refused.is_some() || error.detail.is_some() {
            return Tried::Failed;
        }
        let is_denied = error.reason == Reason::AccessDenied;
        // It may be refused for one of its wants, or since the keys are wrong: what is refused alone too
        // shows that.
        let count = wants.len();
        let mut spoilers = self.singly(std::mem::take(wants)).await;
        let is_any_given = spoilers.len() < count;
        spoilers.retain(|(_, alone)| alone.reason == error.reason);
        if is_denied && (spoilers.is_empty() || is_any_given && !self.source.is_spoiled_by_one()) {
            self.found(BatchPermission::Denied(error.action));
            return Tried::Refused;
        }
        self.lock().spoilers.extend(spoilers.into_iter().map(|(want, _)| want));
        Tried::Spoiled
    }

    /// Reads singly what a batch has errors for. What that gives is kept out of batches.
    async fn refused(&self, wants: Waiting) {
        let mut alone: HashSet<ReadRequest> = wants.keys().cloned().collect();
        for (want, _) in self.singly(wants).await {
            alone.remove(&want);
        }
        if !alone.is_empty() {
            self.lock().alone.extend(alone);
        }
    }

    /// Reads wants one by one, a few at a time: one that is slow holds up few others. Those that failed.
    async fn singly(&self, wants: Waiting) -> Vec<(ReadRequest, ReadError)> {
        let read = async |(want, waiters): (ReadRequest, Vec<Waiter>)| {
            self.single(want.clone(), waiters).await.map(|error| (want, error))
        };
        let reads = stream::iter(wants).map(read).buffer_unordered(ABREAST);
        reads.filter_map(future::ready).collect().await
    }

    /// Reads one want alone. Its error, if it has one.
    async fn single(&self, want: ReadRequest, waiters: Vec<Waiter>) -> Option<ReadError> {
        self.braked().await;
        let answer = self.source.single(want.clone()).await;
        {
            let mut state = self.lock();
            state.heed(answer.as_ref().err());
            if answer.is_ok() {
                state.spoilers.remove(&want);
            }
        }
        let error = answer.as_ref().err().cloned();
        self.give(waiters, answer);
        error
    }

    fn found(&self, batches: BatchPermission) {
        let mut state = self.lock();
        (state.batches, state.asked) = (batches, Instant::now());
    }

    fn give(&self, waiters: Vec<Waiter>, answer: Result<ReadResponse, ReadError>) {
        self.source.asked(waiters.len());
        let answer = answer.map(Arc::new);
        for waiter in waiters {
            // Whoever does not wait any more needs no answer.
            let _ = waiter.send(answer.clone());
        }
    }

    async fn permit(&self) -> OwnedSemaphorePermit {
        let permit = self.requests.clone().acquire_owned().await;
        permit.expect("the semaphore is never closed")
    }

    /// Waits while AWS wants fewer requests.
    async fn braked(&self) {
        let brake = self.lock().brake;
        if let Some((until, _)) = brake {
            tokio::time::sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests;
