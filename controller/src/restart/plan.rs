//! Decides whether to restart a workload now: a total function of the observed state.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    baseline::{Baseline, CurrentUse, Entry},
    kind::WorkloadKey,
    references::SecretUse,
    workload::{OtherRestarter, Workload},
};
use crate::runtime::backoff::{ConflictBackoff, Repairs};

/// How writes of the baseline slow down while another writer keeps undoing them.
pub(crate) const RECORD_BACKOFF: ConflictBackoff = ConflictBackoff {
    window: Duration::from_mins(10),
    immediate_repairs: 5,
    first_delay: Duration::from_secs(4),
    max_delay: Duration::from_secs(512),
};
/// The longest wait for a Secret that keeps changing.
const MAX_DELAY: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long to wait after the last change, so that several changes cause one restart.
    pub(crate) delay: Duration,
    /// The minimum time between two restarts of one workload.
    pub(crate) min_interval: Duration,
}

/// A workload as a reconcile finds it.
#[derive(Debug)]
pub(crate) enum View<T = WorkloadEntry> {
    /// The workload to read first: itself, or the one whose template it uses.
    Unread(WorkloadKey),
    Tracked(Box<T>),
}

#[derive(Clone, Debug)]
pub(crate) struct WorkloadEntry {
    pub(crate) workload: Arc<Workload>,
    pub(crate) progress: Progress,
    /// It opted in while this controller was watching, so obstacles are reported at once.
    pub(crate) is_new: bool,
    /// The Secrets whose changes restart it, and the items that it uses.
    pub(crate) secrets: BTreeMap<String, SecretUse>,
    /// Other software that restarts it, so that the controller does not.
    pub(crate) other_restarter: Option<OtherRestarter>,
}

/// The state that one reconcile passes to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The content that its Pods last had. It takes precedence over the annotation, which other
    /// writers may revert.
    pub(crate) baseline: Option<Baseline>,
    /// The text of the annotation that the baseline takes into account.
    pub(crate) considered_annotation: Option<String>,
    pub(crate) pending: Option<Pending>,
    pub(crate) restarted: Option<Instant>,
    /// Writes of a baseline without a restart.
    pub(crate) records: Repairs,
    /// Failed writes in a row.
    pub(crate) attempts: u32,
    // The findings that Events have reported, so that no Event repeats them:
    pub(crate) reported_invalid: Vec<String>,
    pub(crate) reported_restarter: Option<OtherRestarter>,
    /// The baseline after the postponed restart.
    pub(crate) reported_postponed: Option<Baseline>,
    /// The message of the failure.
    pub(crate) reported_failed: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pending {
    pub(crate) first_seen: Instant,
    pub(crate) last_changed: Instant,
    /// The baseline after the restart.
    pub(crate) after: Baseline,
}

/// A workload, and the current Secrets that it uses.
pub(crate) struct Observed {
    pub(crate) settings: Settings,
    pub(crate) entry: WorkloadEntry,
    /// The baseline in its annotation, if valid.
    pub(crate) recorded: Option<Baseline>,
    /// The used parts of the Secrets that restart it, by the name of the Secret.
    pub(crate) uses: BTreeMap<String, CurrentUse>,
}

/// The action, and what to remember in any case.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) action: Action,
    /// The baseline from now on, even if the action fails.
    pub(crate) baseline: Option<Baseline>,
    /// The change that waits from now on.
    pub(crate) pending: Option<Pending>,
}

#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) enum Action {
    #[default]
    Nothing,
    Wait(Instant),
    /// Write the baseline, which restarts nothing.
    Record(Baseline),
    /// Restart the workload for these changed Secrets, and write the baseline.
    Restart {
        baseline: Baseline,
        changed: Vec<String>,
    },
    /// The workload is paused. The end of the pause changes the workload, so the controller then
    /// reconciles it.
    Postpone(Vec<String>),
    /// Other software restarts it for these changed Secrets.
    Leave(OtherRestarter, Vec<String>),
}

pub(crate) fn plan(observed: &Observed, now: Instant) -> Plan {
    let Observed { entry: WorkloadEntry { workload, other_restarter, .. }, uses, .. } = observed;
    if workload.deleting || uses.is_empty() {
        return Plan::default();
    }
    let Comparison { kept, current, changed } = compare(known_baseline(observed).as_ref(), uses);
    let action = match *other_restarter {
        Some(_) if changed.is_empty() => Action::Nothing,
        Some(other) => Action::Leave(other, changed),
        // Without replicas no Pod runs. Pods that start later read the Secrets as they are then.
        None if changed.is_empty() || workload.no_replicas => record(observed, &current, now),
        None => {
            let pending = pending(observed, current, now);
            let action = restart(observed, &pending, changed, now);
            return Plan { action, baseline: Some(kept), pending: Some(pending) };
        }
    };
    Plan { action, baseline: Some(current), pending: None }
}

/// The write of the baseline, if the annotation differs from it.
fn record(observed: &Observed, current: &Baseline, now: Instant) -> Action {
    if observed.recorded.as_ref() == Some(current) {
        return Action::Nothing;
    }
    let at = observed.entry.progress.records.next_at(RECORD_BACKOFF, now);
    if at > now { Action::Wait(at) } else { Action::Record(current.clone()) }
}

fn pending(observed: &Observed, after: Baseline, now: Instant) -> Pending {
    match &observed.entry.progress.pending {
        Some(pending) if pending.after == after => pending.clone(),
        Some(pending) => Pending { first_seen: pending.first_seen, last_changed: now, after },
        None => Pending { first_seen: now, last_changed: now, after },
    }
}

/// The restart, once its delays are over.
fn restart(observed: &Observed, pending: &Pending, changed: Vec<String>, now: Instant) -> Action {
    let Observed { settings: Settings { delay, min_interval }, entry, .. } = observed;
    let longest = MAX_DELAY.max(*delay);
    let settled = (pending.last_changed + *delay).min(pending.first_seen + longest);
    let allowed = entry.progress.restarted.map_or(settled, |last| last + *min_interval);
    let at = settled.max(allowed);
    if at > now {
        Action::Wait(at)
    } else if entry.workload.paused {
        Action::Postpone(changed)
    } else {
        Action::Restart { baseline: pending.after.clone(), changed }
    }
}

/// The content that the Pods last had. The annotation counts if no baseline is in memory, and once
/// after each change of the annotation. If it equals the current Secret, either another writer set
/// it, or this controller set it and lost the response.
fn known_baseline(observed: &Observed) -> Option<Baseline> {
    let Observed { entry: WorkloadEntry { workload, progress, .. }, recorded, uses, .. } = observed;
    let Some(mut baseline) = progress.baseline.clone() else { return recorded.clone() };
    if workload.baseline != progress.considered_annotation {
        for (secret, entry) in recorded.iter().flat_map(|recorded| &recorded.0) {
            if entry.mac.is_some() && uses.get(secret).is_some_and(|now| now.entry == *entry) {
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
        // A MAC over other items cannot be compared: the template changed, and that was a rollout.
        let old = old.filter(|old| old.items == now.entry.items);
        let (until, after) = match (old, now.entry.mac) {
            (None, _) => (now.entry, now.entry),
            // A removed Secret restarts nothing. The controller compares it when it is created
            // again.
            (Some(old), None) => (*old, *old),
            // Pods that need it did not start before it existed.
            (Some(Entry { mac: None, .. }), Some(_)) if now.required => (now.entry, now.entry),
            (Some(old), Some(mac)) => {
                if old.mac != Some(mac) {
                    changed.push(secret.clone());
                }
                (*old, now.entry)
            }
        };
        kept.0.insert(secret.clone(), until);
        current.0.insert(secret.clone(), after);
    }
    Comparison { kept, current, changed }
}
