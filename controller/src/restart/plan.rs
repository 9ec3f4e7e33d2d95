//! Whether to restart a workload now: a total function of what was observed.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    baseline::{Baseline, CurrentUse, Entry},
    workload::{OtherRestarter, Workload},
};
use crate::runtime::conflict::{ConflictBackoff, Repairs};

/// How writes of the baseline slow down when somebody keeps undoing them.
pub(crate) const RECORD_BACKOFF: ConflictBackoff = ConflictBackoff {
    window: Duration::from_mins(10),
    immediate_repairs: 5,
    first_delay: Duration::from_secs(4),
    max_delay: Duration::from_secs(512),
};

pub(crate) struct Observed<'a> {
    pub(crate) delays: Delays,
    pub(crate) workload: &'a Workload,
    /// Other software that restarts it, so that the controller does not.
    pub(crate) other_restarter: Option<OtherRestarter>,
    /// The baseline in its annotation, if valid.
    pub(crate) recorded: Option<&'a Baseline>,
    /// The parts that it uses of the Secrets that restart it, by the name of the Secret.
    pub(crate) uses: &'a BTreeMap<String, CurrentUse>,
    pub(crate) memory: &'a Memory,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// After the last change, so that several changes cause one restart.
    pub(crate) quiet: Duration,
    /// After the first change, even if others follow.
    pub(crate) longest: Duration,
    /// Between two restarts of one workload.
    pub(crate) between: Duration,
}

/// The state of a workload that the controller keeps between two reconciles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// The content that its Pods last had. It takes precedence over the annotation, which other writers may
    /// revert.
    pub(crate) baseline: Option<Baseline>,
    /// The text of the annotation that the baseline takes into account.
    pub(crate) considered_annotation: Option<String>,
    pub(crate) pending: Option<Pending>,
    pub(crate) restarted: Option<Instant>,
    /// Writes of a baseline without a restart.
    pub(crate) records: Repairs,
}

/// A change that waits for its restart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pending {
    pub(crate) first_seen: Instant,
    pub(crate) last_changed: Instant,
    /// The [`Baseline::digest`] of the baseline after the restart.
    pub(crate) digest: String,
}

/// The action, and what to remember in any case.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) action: Action,
    /// The baseline from now on, even if the action fails.
    pub(crate) baseline: Option<Baseline>,
    /// The change that waits from now on.
    pub(crate) pending: Option<Pending>,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Nothing,
    Wait(Instant),
    /// Write the baseline, which restarts nothing.
    Record(Baseline),
    /// Restart the workload for these changed Secrets, and write the baseline.
    Restart {
        baseline: Baseline,
        changed: Vec<String>,
    },
    /// The workload is paused. The end of its pause is a change, so the controller reconciles it.
    Postpone(Vec<String>),
    /// Other software restarts it for these changed Secrets.
    Leave(OtherRestarter, Vec<String>),
}

pub(crate) fn plan(observed: &Observed<'_>, now: Instant) -> Plan {
    let &Observed { workload, other_restarter, uses, .. } = observed;
    if workload.deleting || uses.is_empty() {
        return Plan { action: Action::Nothing, baseline: None, pending: None };
    }
    let Comparison { kept, current, changed } = compare(known_baseline(observed).as_ref(), uses);
    let without_change =
        |action, baseline| Plan { action, baseline: Some(baseline), pending: None };
    if let Some(other) = other_restarter {
        let action =
            if changed.is_empty() { Action::Nothing } else { Action::Leave(other, changed) };
        return without_change(action, current);
    }
    // Without replicas nothing runs. Pods that start later have the Secrets of that moment.
    if changed.is_empty() || workload.no_replicas {
        return without_change(record(observed, &current, now), current);
    }
    let pending = pending(observed, &current, now);
    let action = restart(observed, &pending, current, changed, now);
    Plan { action, baseline: Some(kept), pending: Some(pending) }
}

/// The write of the baseline, if the annotation differs from it.
fn record(observed: &Observed<'_>, current: &Baseline, now: Instant) -> Action {
    if observed.recorded == Some(current) {
        return Action::Nothing;
    }
    let at = observed.memory.records.next_at(RECORD_BACKOFF, now);
    if at > now { Action::Wait(at) } else { Action::Record(current.clone()) }
}

fn pending(observed: &Observed<'_>, current: &Baseline, now: Instant) -> Pending {
    let digest = current.digest();
    match &observed.memory.pending {
        Some(pending) if pending.digest == digest => pending.clone(),
        Some(pending) => Pending { first_seen: pending.first_seen, last_changed: now, digest },
        None => Pending { first_seen: now, last_changed: now, digest },
    }
}

/// The restart, once its delays are over.
fn restart(
    observed: &Observed<'_>,
    pending: &Pending,
    baseline: Baseline,
    changed: Vec<String>,
    now: Instant,
) -> Action {
    let delays = observed.delays;
    let settled = (pending.last_changed + delays.quiet).min(pending.first_seen + delays.longest);
    let allowed = observed.memory.restarted.map_or(settled, |last| last + delays.between);
    let at = settled.max(allowed);
    if at > now {
        Action::Wait(at)
    } else if observed.workload.paused {
        Action::Postpone(changed)
    } else {
        Action::Restart { baseline, changed }
    }
}

/// The content that the Pods last had. The annotation counts if nothing is remembered, and once
/// whenever it changes. If it equals the current Secret, either another writer set it, or this
/// controller did and lost the answer.
fn known_baseline(observed: &Observed<'_>) -> Option<Baseline> {
    let &Observed { workload, recorded, uses, memory, .. } = observed;
    let Some(remembered) = &memory.baseline else {
        return recorded.cloned();
    };
    let mut baseline = remembered.clone();
    if workload.baseline != memory.considered_annotation {
        for (secret, entry) in recorded.iter().flat_map(|recorded| &recorded.0) {
            let now = uses.get(secret);
            if now.is_some_and(|now| now.mac.is_some() && now.entry() == *entry) {
                baseline.0.insert(secret.clone(), *entry);
            }
        }
    }
    Some(baseline)
}

struct Comparison {
    /// The baseline until the restart.
    kept: Baseline,
    /// The baseline after it.
    current: Baseline,
    changed: Vec<String>,
}

fn compare(before: Option<&Baseline>, uses: &BTreeMap<String, CurrentUse>) -> Comparison {
    let (mut kept, mut current) = (Baseline::default(), Baseline::default());
    let mut changed = Vec::new();
    for (secret, now) in uses {
        let old = before.and_then(|before| before.0.get(secret));
        // The MAC of other items says nothing: the template changed, and that was a rollout.
        let old = old.filter(|old| old.items == now.items);
        let (until, after) = match (old, now.mac) {
            (None, _) => (now.entry(), now.entry()),
            // A removed Secret restarts nothing. It is compared when it comes back.
            (Some(old), None) => (*old, *old),
            // Pods that need it did not start before it existed.
            (Some(Entry { mac: None, .. }), Some(_)) if now.required => (now.entry(), now.entry()),
            (Some(old), Some(mac)) => {
                if old.mac != Some(mac) {
                    changed.push(secret.clone());
                }
                (*old, now.entry())
            }
        };
        kept.0.insert(secret.clone(), until);
        current.0.insert(secret.clone(), after);
    }
    Comparison { kept, current, changed }
}

impl CurrentUse {
    fn entry(&self) -> Entry {
        Entry { items: self.items, mac: self.mac }
    }
}
