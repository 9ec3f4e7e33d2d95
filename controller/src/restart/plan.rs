//! Whether a workload is restarted now: a total function of what was observed.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    state::{Entry, Observed, State},
    workload::{LeftTo, Workload},
};

/// What is observed.
pub struct Inputs<'a> {
    /// The time.
    pub now: Instant,
    /// How long to wait.
    pub delays: Delays,
    /// The workload.
    pub workload: &'a Workload,
    /// Who restarts it in our place.
    pub left_to: Option<LeftTo>,
    /// The baseline in its annotation, where that can be read.
    pub recorded: Option<&'a State>,
    /// What it uses of the Secrets that are to restart it, by name.
    pub observed: &'a BTreeMap<String, Observed>,
    /// What was known after the last look.
    pub memory: &'a Memory,
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// After the last change, so that several make one restart.
    pub quiet: Duration,
    /// After the first change, although there are others.
    pub longest: Duration,
    /// Between two restarts of one workload.
    pub between: Duration,
}

/// What is remembered of a workload between two looks.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What its Pods were last known to have. It goes before the annotation, which others put back.
    pub baseline: Option<State>,
    /// The annotation that was taken into account for it.
    pub considered: Option<String>,
    /// A change that is not acted upon yet.
    pub pending: Option<Pending>,
    /// When it was last restarted.
    pub restarted: Option<Instant>,
    /// The writes of a baseline alone.
    pub records: Records,
}

/// A change that is not acted upon yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pending {
    /// When it was first seen.
    pub first: Instant,
    /// When it last became another one.
    pub last: Instant,
    /// What there was then, by [`State::mark`].
    pub mark: String,
}

/// Writes of a baseline alone, each soon after the one before: somebody may be undoing them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Records {
    /// How many in a row.
    pub count: u32,
    /// When the last was.
    pub last: Option<Instant>,
}

/// The decision, and what is to be remembered in any case.
#[derive(Debug, Eq, PartialEq)]
pub struct Plan {
    /// What to do.
    pub decision: Decision,
    /// The baseline from now on, also if nothing is or can be written.
    pub baseline: Option<State>,
    /// The change that waits from now on.
    pub pending: Option<Pending>,
}

/// What to do.
#[derive(Debug, Eq, PartialEq)]
pub enum Decision {
    /// All is as it must be, or there is nothing to be done for it.
    Nothing,
    /// Look again then.
    Wait(Instant),
    /// Write the baseline, which restarts nothing.
    Record(State),
    /// Restart it, and write the baseline.
    Restart {
        /// The new baseline.
        state: State,
        /// The Secrets that changed.
        changed: Vec<String>,
    },
    /// It is to be restarted, and is paused. Its end of the pause is a change, and looked at.
    Postpone(Vec<String>),
    /// It would be restarted, and somebody else does that.
    Leave(LeftTo, Vec<String>),
}

/// Baselines written further apart than this are not a quarrel.
const QUARREL: Duration = Duration::from_mins(10);
/// So many baselines in a row are written at once.
const AT_ONCE: u32 = 5;

/// Decides.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let &Inputs { now, delays, workload, left_to, recorded, observed, memory } = inputs;
    if workload.deleting || observed.is_empty() {
        return Plan { decision: Decision::Nothing, baseline: None, pending: None };
    }
    let before = baseline(inputs);
    let (kept, current, changed) = compare(before.as_ref(), observed);
    let plan = |decision, baseline, pending| Plan { decision, baseline: Some(baseline), pending };

    if let Some(other) = left_to {
        let decision =
            if changed.is_empty() { Decision::Nothing } else { Decision::Leave(other, changed) };
        return plan(decision, current, None);
    }
    // Nothing runs: what starts later has what is there by then.
    if changed.is_empty() || workload.no_replicas {
        let decision = if recorded == Some(&current) {
            Decision::Nothing
        } else {
            let at = memory.records.next_at(now);
            if at > now { Decision::Wait(at) } else { Decision::Record(current.clone()) }
        };
        return plan(decision, current, None);
    }
    let mark = current.mark();
    let pending = match &memory.pending {
        Some(pending) if pending.mark == mark => pending.clone(),
        Some(pending) => Pending { first: pending.first, last: now, mark },
        None => Pending { first: now, last: now, mark },
    };
    let settled = (pending.last + delays.quiet).min(pending.first + delays.longest);
    let allowed = memory.restarted.map_or(settled, |last| last + delays.between);
    let at = settled.max(allowed);
    let decision = if at > now {
        Decision::Wait(at)
    } else if workload.paused {
        Decision::Postpone(changed)
    } else {
        Decision::Restart { state: current, changed }
    };
    plan(decision, kept, Some(pending))
}

/// What the Pods were last known to have. The annotation counts where nothing is remembered, and
/// once whenever it is another one: where it tells what is there now, another wrote it, or we did
/// and did not hear of the success.
fn baseline(inputs: &Inputs<'_>) -> Option<State> {
    let &Inputs { workload, recorded, observed, memory, .. } = inputs;
    let Some(remembered) = &memory.baseline else {
        return recorded.cloned();
    };
    let mut baseline = remembered.clone();
    if workload.state != memory.considered {
        for (secret, entry) in recorded.iter().flat_map(|state| &state.0) {
            let now = observed.get(secret);
            if now.is_some_and(|now| now.mac.is_some() && now.entry() == *entry) {
                baseline.0.insert(secret.clone(), *entry);
            }
        }
    }
    Some(baseline)
}

/// The baseline to keep until what changed is acted upon, the one for afterwards, and the Secrets
/// that changed.
fn compare(
    before: Option<&State>,
    observed: &BTreeMap<String, Observed>,
) -> (State, State, Vec<String>) {
    let (mut kept, mut current) = (State::default(), State::default());
    let mut changed = Vec::new();
    for (secret, now) in observed {
        let old = before.and_then(|state| state.0.get(secret));
        // Of other items than before nothing is known: the template changed, and that was a rollout.
        let old = old.filter(|old| old.items == now.items);
        let (keep, take) = match (old, now.mac) {
            (None, _) => (now.entry(), now.entry()),
            // A Secret that goes restarts nothing, and is compared when it comes back.
            (Some(old), None) => (*old, *old),
            // Pods that need it did not start before it came.
            (Some(Entry { mac: None, .. }), Some(_)) if now.required => (now.entry(), now.entry()),
            (Some(old), Some(mac)) => {
                if old.mac != Some(mac) {
                    changed.push(secret.clone());
                }
                (*old, now.entry())
            }
        };
        kept.0.insert(secret.clone(), keep);
        current.0.insert(secret.clone(), take);
    }
    (kept, current, changed)
}

impl Observed {
    fn entry(&self) -> Entry {
        Entry { items: self.items, mac: self.mac }
    }
}

impl Records {
    /// When the next may be written: at once, unless somebody keeps undoing them.
    fn next_at(self, now: Instant) -> Instant {
        let Some(last) = self.last.filter(|last| now < *last + QUARREL) else {
            return now;
        };
        let beyond = self.count.saturating_sub(AT_ONCE);
        if beyond == 0 { now } else { last + Duration::from_secs(1 << (beyond + 1).min(9)) }
    }

    /// Notes one.
    pub fn note(&mut self, now: Instant) {
        let quarrel = self.last.is_some_and(|last| now < last + QUARREL);
        self.count = if quarrel { self.count.saturating_add(1) } else { 1 };
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests;
