//! When one object looks at its values because of events: pure.
//!
//! AWS is eventually consistent (F21): a read right after an event may return the version before. So a version
//! that an event names is expected, and the read is repeated a few times until it comes. If it never comes, the
//! event was forged or out of date, and the next interval finds the truth.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use crds::secret_store::AwsService;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{concerned::Concerned, store::StoreKey, versions::Versions};
use crate::aws::events::Hint;

/// The time between two looks, in the long run: any writer of the queue could cause a storm of reads.
const INTERVAL: Duration = Duration::from_secs(10);
/// The same for objects that list names, which costs more.
const FIND_INTERVAL: Duration = Duration::from_mins(1);
/// How many looks may be ahead of that.
const TOLERANCE: u32 = 2;
/// When to look again while an expected version is missing.
const REPEATS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    /// When to look next.
    look_at: Option<Instant>,
    /// Whether a look failed, so that its retry has to read.
    has_failed: bool,
    /// How many events asked for a look.
    events: u32,
    /// When as much time has passed as all looks cost.
    paid: Option<Instant>,
    lists_names: bool,
    /// By the key in `status.versions`.
    expected: BTreeMap<String, Expected>,
}

#[derive(Clone, Debug)]
struct Expected {
    version: Awaited,
    at: Timestamp,
    repeats: usize,
    source: Source,
}

/// The version that a read has to return.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Awaited {
    Id(String),
    /// Another one than this, because events of Parameter Store name no version.
    Other(String),
}

/// By which queue an event came, for a value of which store.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Source {
    pub(super) queue: usize,
    pub(super) store: StoreKey,
}

impl Looks {
    /// Expects the version in the hint. False if it says nothing new, so that the object need not look.
    pub(super) fn expect(
        &mut self,
        concerned: &[Concerned],
        queue: usize,
        hint: &Hint,
        versions: &Versions,
        now: Timestamp,
    ) -> bool {
        // A forged time must not make all later events look old.
        let at = hint.at.min(now);
        let mut is_new = false;
        self.lists_names = concerned.iter().any(|concerned| concerned.is_find);
        for Concerned { version_key, store, is_find } in concerned {
            // The expression of the `find` may not match a name that it has not found yet.
            let version_key = version_key.as_ref().filter(|key| !is_find || versions.knows(key));
            let Some(key) = version_key else {
                is_new = true;
                continue;
            };
            let is_older = self.expected.get(key).is_some_and(|expected| expected.at > at);
            if hint.version.as_ref().is_some_and(|id| versions.are_after(key, id, at)) {
                // It is applied already, or was replaced since.
                if !is_older {
                    self.expected.remove(key);
                }
                continue;
            }
            let is_parameter = hint.service == AwsService::ParameterStore;
            let other = || versions.id(key).filter(|_| is_parameter).map(Awaited::Other);
            let version = hint.version.clone().map(Awaited::Id).or_else(other);
            // A look for this version is still to come.
            let is_same = |old: &Expected| Some(&old.version) == version.as_ref();
            if hint.version.is_some() && self.expected.get(key).is_some_and(is_same) {
                continue;
            }
            is_new = true;
            if let Some(version) = version.filter(|_| !is_older) {
                let source = Source { queue, store: store.clone() };
                let expected = Expected { version, at, repeats: 0, source };
                self.expected.insert(key.clone(), expected);
            }
        }
        is_new
    }

    /// An event asks for a look. Returns when it is planned, unless the one that is planned already covers it.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Duration> {
        self.events = self.events.wrapping_add(1);
        self.plan(now, now)
    }

    /// Plans a look at this time, or later if there were many.
    fn plan(&mut self, wanted: Instant, now: Instant) -> Option<Duration> {
        let cost = if self.lists_names { FIND_INTERVAL } else { INTERVAL };
        let earliest = self.paid.and_then(|paid| paid.checked_sub(TOLERANCE * cost));
        let at = earliest.map_or(wanted, |earliest| earliest.max(wanted));
        match self.look_at {
            Some(planned) if planned <= at => return None,
            Some(_) => {}
            None => self.paid = Some(self.paid.map_or(now, |paid| paid.max(now)) + cost),
        }
        self.look_at = Some(at);
        Some(at - now)
    }

    /// How long until the object looks, if an event asks for that.
    pub(super) fn look_in(&self, now: Instant) -> Option<Duration> {
        let planned = self.look_at.map(|at| at.saturating_duration_since(now));
        if self.has_failed { Some(Duration::ZERO) } else { planned }
    }

    /// A refresh failed. Its back-off decides when to read, and another event does so at once.
    pub(super) fn record_failure(&mut self, now: Instant) {
        if self.look_at.is_some_and(|at| at <= now) {
            (self.look_at, self.has_failed) = (None, true);
        }
    }

    /// Whether an event announced a version that was not read yet.
    pub(super) fn expects(&self, key: &str) -> bool {
        self.expected.contains_key(key)
    }

    /// Lets a read take the expected versions, even if they are older than the last ones.
    pub(super) fn tell(&self, versions: &mut Versions) {
        let named = |(key, expected): (&String, &Expected)| match &expected.version {
            Awaited::Id(id) => Some((key.clone(), id.clone())),
            Awaited::Other(_) => None,
        };
        versions.expect(self.expected.iter().filter_map(named));
    }

    /// Records what a refresh read that began with `before`. `noise` spreads the repeats. Returns from where
    /// the events came whose versions were read: they were true.
    pub(super) fn record_read(
        &mut self,
        before: &Self,
        versions: &Versions,
        now: Instant,
        noise: u32,
    ) -> Vec<Source> {
        (self.look_at, self.has_failed) = (None, false);
        if self.events != before.events {
            // An event came during the refresh.
            self.plan(now, now);
        }
        let (mut repeat, mut proofs) = (None, Vec::new());
        self.expected.retain(|key, expected| {
            let was_read =
                before.expected.get(key).is_some_and(|old| old.version == expected.version);
            let read = versions.id(key);
            let has_come = match &expected.version {
                Awaited::Id(id) => read.as_ref() == Some(id),
                Awaited::Other(id) => read.is_some_and(|read| read != *id),
            };
            if has_come {
                proofs.push(expected.source.clone());
                return false;
            }
            if !was_read {
                return true;
            }
            let Some(pause) = REPEATS.get(expected.repeats) else { return false };
            expected.repeats += 1;
            repeat = repeat.into_iter().chain([*pause]).min();
            true
        });
        if let Some(pause) = repeat {
            let share = f64::from(noise) / f64::from(u32::MAX);
            self.plan(now + pause.mul_f64(0.75 + share / 2.0), now);
        }
        proofs
    }
}
