//! Finds out which versions values have now, without reading a value, for one identity: by a list of all secrets
//! of the account and region, or by [descriptions](Describer). A list costs one request for 100 secrets. All
//! objects of the identity share it, as long as it is younger than their interval.
//!
//! A list may lag by five minutes (F14). So it never says that a version is wrong: the value of a secret that
//! is listed with another version, or not at all, is read, and the read decides. It is only used if it costs fewer
//! requests than the reads that it saves, and if AWS allows it.

mod describe;
mod list;
mod source;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use self::source::{RECHECK_INTERVAL, reads};
pub(crate) use self::{
    describe::Describer,
    list::{ListedSecret, Page, VersionList},
    source::{VersionChecks, VersionSource},
};
use crate::{
    aws::{error::ReadError, planner::Planner, read::ReadResult},
    reason::Reason,
    runtime::{Now, backoff::Backoff},
};

/// How long a worker waits for a list, which continues without it.
const MAX_WAIT: Duration = Duration::from_secs(5);
const FAILURE_BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(2), max: Duration::from_mins(2) };
/// How many secrets a page has.
const PAGE_SIZE: usize = 100;
/// A million secrets.
const MAX_PAGES: usize = 10_000;

/// Lists the versions for one identity.
pub(crate) struct Sweeper {
    source: Arc<dyn VersionSource>,
    planner: Arc<Planner>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<Arc<VersionList>>,
    running: Option<Running>,
    pages: Pages,
    /// The denied action, and since when.
    denied: Option<(&'static str, Instant)>,
    pause: Option<Pause>,
}

/// Lists that failed for a while.
#[derive(Clone, Copy, Debug)]
struct Pause {
    end: Instant,
    /// How many failed before, in a row.
    failures: u32,
    action: &'static str,
    reason: Reason,
}

type Running = Shared<BoxFuture<'static, Result<Arc<VersionList>, Unlisted>>>;

/// How long the list is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Pages {
    #[default]
    Unknown,
    Known(usize),
    /// The list was given up after so many, at this time.
    Above(usize, Instant),
}

/// Why there is no list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unlisted {
    Denied,
    TooLong,
    /// It may work later.
    Failed,
}

/// Whether lists and descriptions work.
pub(crate) fn checks(sweeper: &Sweeper, describer: &Describer) -> VersionChecks {
    sweeper.checks().or(describer.checks())
}

/// The needs of an object whose interval has passed.
pub(crate) struct Need {
    /// When its values were last proved.
    pub(crate) proved: Timestamp,
    pub(crate) interval: Duration,
    /// Whether the interval has passed so long ago that the object must not wait for a list.
    pub(crate) is_overdue: bool,
    /// How many values one list proves instead of reads.
    pub(crate) values: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Listed(Arc<VersionList>),
    /// Ask again after this time.
    Later(Duration),
    /// Reading the values costs less, or no list can be had.
    Read,
}

impl Sweeper {
    pub(crate) fn new(source: Arc<dyn VersionSource>, planner: Arc<Planner>) -> Arc<Self> {
        Arc::new(Self { source, planner, state: Mutex::default() })
    }

    /// A list that is younger than the interval of the object, and newer than its last proof.
    pub(crate) async fn versions(self: &Arc<Self>, need: &Need) -> Answer {
        let running = match self.start(need) {
            Ok(running) => running,
            Err(answer) => return answer,
        };
        match timeout(MAX_WAIT, running).await {
            Ok(Ok(list)) => Answer::Listed(list),
            Ok(Err(Unlisted::Denied | Unlisted::TooLong)) => Answer::Read,
            Ok(Err(Unlisted::Failed)) if need.is_overdue => Answer::Read,
            Ok(Err(Unlisted::Failed)) => {
                let pause = self.lock().pause.map(|pause| pause.end - Instant::now());
                Answer::Later(pause.unwrap_or(MAX_WAIT))
            }
            Err(_) => Answer::Later(MAX_WAIT),
        }
    }

    /// Whether lists work.
    fn checks(&self) -> VersionChecks {
        let state = self.lock();
        let known = if state.last.is_some() { VersionChecks::Work } else { VersionChecks::Unknown };
        match (state.denied, state.pause) {
            (Some((action, _)), _) => VersionChecks::Denied(action),
            (None, Some(Pause { failures, action, reason, .. })) => {
                known.or(VersionChecks::failing(failures + 1, action, reason))
            }
            (None, None) => known,
        }
    }

    /// The list that is on its way, or the answer if none is needed or possible.
    fn start(self: &Arc<Self>, need: &Need) -> Result<Running, Answer> {
        let (batches, both) = (self.planner.batch_permission(), Now::read());
        let now = both.monotonic;
        let mut state = self.lock();
        if let Some(list) =
            state.last.as_ref().filter(|list| list.serves(need.proved, need.interval, both))
        {
            return Err(Answer::Listed(list.clone()));
        }
        if let Some(running) = &state.running {
            return Ok(running.clone());
        }
        if let Some(pause) = state.pause.filter(|pause| pause.end > now) {
            let later = Answer::Later(pause.end - now);
            return Err(if need.is_overdue { Answer::Read } else { later });
        }
        state.forget_old(now);
        let reads = reads(need.values, batches, self.planner.max_batch_size());
        if state.denied.is_some() || !is_worth_it(state.pages, need.values, reads) {
            return Err(Answer::Read);
        }
        let (this, limit) = (self.clone(), reads.min(MAX_PAGES));
        let list = tokio::spawn(async move {
            // In a task of its own: a panic costs one list, and the next one is tried.
            let list = tokio::spawn(this.clone().list(limit)).await;
            let failed = |_| Err(ReadError::new(Reason::Unavailable, "list"));
            this.finish(list.unwrap_or_else(failed))
        });
        let running = list.map(|list| list.unwrap_or(Err(Unlisted::Failed))).boxed().shared();
        state.running = Some(running.clone());
        Ok(running)
    }

    /// None if the list has more pages than the limit.
    async fn list(self: Arc<Self>, limit: usize) -> ReadResult<Option<VersionList>> {
        let (mut list, mut token) = (VersionList::begin(), None);
        loop {
            let page = self.planner.send(self.source.page(token)).await?;
            token = list.take(page);
            if token.is_none() {
                return Ok(Some(list));
            }
            if list.pages >= limit {
                self.lock().pages = Pages::Above(list.pages, Instant::now());
                return Ok(None);
            }
        }
    }

    fn finish(
        &self,
        listed: ReadResult<Option<VersionList>>,
    ) -> Result<Arc<VersionList>, Unlisted> {
        let (mut state, now) = (self.lock(), Instant::now());
        state.running = None;
        match listed {
            Ok(None) => Err(Unlisted::TooLong),
            Ok(Some(list)) => {
                let list = Arc::new(list);
                (state.pages, state.pause) = (Pages::Known(list.pages), None);
                state.last = Some(list.clone());
                Ok(list)
            }
            Err(error) if super::planner::is_refusal(&error) => {
                state.denied = Some((error.action, now));
                Err(Unlisted::Denied)
            }
            Err(ReadError { action, reason, .. }) => {
                let failures = state.pause.map_or(0, |pause| pause.failures.saturating_add(1));
                let end = now + FAILURE_BACKOFF.delay(failures, rand::random());
                state.pause = Some(Pause { end, failures, action, reason });
                Err(Unlisted::Failed)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

impl State {
    /// Permissions change, and secrets are deleted.
    fn forget_old(&mut self, now: Instant) {
        let is_old = |since| now.duration_since(since) >= RECHECK_INTERVAL;
        self.denied = self.denied.filter(|(_, since)| !is_old(*since));
        if let Pages::Above(_, since) = self.pages
            && is_old(since)
        {
            self.pages = Pages::Unknown;
        }
    }
}

/// Whether a list costs no more requests than the reads that it saves.
fn is_worth_it(pages: Pages, values: usize, reads: usize) -> bool {
    let pages = match pages {
        Pages::Unknown => values.div_ceil(PAGE_SIZE),
        Pages::Known(pages) => pages,
        Pages::Above(pages, _) => pages.saturating_add(1),
    };
    // A single value is read: that is as cheap, and does not lag.
    values > 1 && pages <= reads
}
