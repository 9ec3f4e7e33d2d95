//! A workload whose plans are performed at once.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use crate::{
    restart::{
        baseline::{Baseline, CurrentUse, ShortMac},
        kind::WorkloadKind,
        plan::{Action, Delays, Memory, Observed, RECORD_BACKOFF, plan},
        workload::{OtherRestarter, Workload, WorkloadObject},
    },
    runtime::mac::MacKey,
};

const DELAYS: Delays = Delays {
    quiet: Duration::from_secs(2),
    longest: Duration::from_secs(15),
    between: Duration::from_secs(60),
};

/// A workload, the Secrets that it uses, and the time.
pub(super) struct World {
    start: Instant,
    pub(super) now: Instant,
    pub(super) workload: Workload,
    pub(super) other_restarter: Option<OtherRestarter>,
    pub(super) uses: BTreeMap<String, CurrentUse>,
    pub(super) memory: Memory,
    pub(super) key: &'static str,
}

impl World {
    /// A workload that uses Secrets with these values, and whose baseline is recorded.
    pub(super) fn with(secrets: &[(&str, &str)]) -> Self {
        let mut world = Self::new(secrets);
        assert!(matches!(world.reconcile(), Action::Record(_)));
        assert_eq!(world.reconcile(), Action::Nothing);
        world
    }

    pub(super) fn new(secrets: &[(&str, &str)]) -> Self {
        let object: WorkloadObject = serde_json::from_value(json!({})).unwrap();
        let now = Instant::now();
        let mut world = Self {
            start: now,
            now,
            workload: Workload::of(WorkloadKind::Deployment, &object),
            other_restarter: None,
            uses: BTreeMap::new(),
            memory: Memory::default(),
            key: "key",
        };
        secrets.iter().for_each(|(name, value)| world.set(name, value));
        world
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.set_as(name, Some(value), true);
    }

    pub(super) fn set_as(&mut self, name: &str, value: Option<&str>, required: bool) {
        let current = CurrentUse { items: 1, mac: value.map(|value| mac(name, value)), required };
        self.uses.insert(name.to_owned(), current);
    }

    pub(super) fn gone(&mut self, name: &str) {
        self.uses.get_mut(name).unwrap().mac = None;
    }

    pub(super) fn after(&mut self, seconds: u64) -> Action {
        self.now += Duration::from_secs(seconds);
        self.reconcile()
    }

    /// Plans, and performs the action.
    pub(super) fn reconcile(&mut self) -> Action {
        let (action, baseline) = self.plan_only();
        let Some(baseline) = baseline else { return action };
        self.workload.baseline = Some(baseline.text(self.key));
        self.memory.considered_annotation.clone_from(&self.workload.baseline);
        self.memory.baseline = Some(baseline);
        if matches!(action, Action::Restart { .. }) {
            self.memory.pending = None;
            self.memory.restarted = Some(self.now);
        } else {
            self.memory.records.record(RECORD_BACKOFF, self.now);
        }
        action
    }

    /// Plans, and performs nothing.
    pub(super) fn plan_only(&mut self) -> (Action, Option<Baseline>) {
        let text = self.workload.baseline.clone();
        let recorded = text.as_deref().and_then(|text| Baseline::parse(text, self.key));
        let plan = plan(
            &Observed {
                delays: DELAYS,
                workload: &self.workload,
                other_restarter: self.other_restarter,
                recorded: recorded.as_ref(),
                uses: &self.uses,
                memory: &self.memory,
            },
            self.now,
        );
        self.memory.baseline = plan.baseline;
        self.memory.considered_annotation = text;
        self.memory.pending = plan.pending;
        let baseline = match &plan.action {
            Action::Record(baseline) | Action::Restart { baseline, .. } => Some(baseline.clone()),
            _ => None,
        };
        (plan.action, baseline)
    }

    /// The time until which it waits, in seconds from the start.
    pub(super) fn waits_until(&mut self) -> u64 {
        match self.reconcile() {
            Action::Wait(at) => (at - self.start).as_secs(),
            other => panic!("it does not wait: {other:?}"),
        }
    }

    pub(super) fn restarts_for(&mut self, secrets: &[&str]) {
        match self.reconcile() {
            Action::Restart { changed, .. } => assert_eq!(changed, secrets),
            other => panic!("no restart: {other:?}"),
        }
    }

    pub(super) fn controller_restarts(&mut self) {
        self.memory = Memory::default();
    }
}

pub(super) fn mac(name: &str, value: &str) -> ShortMac {
    let key = MacKey::from_bytes(&[1; 32]).unwrap();
    let mut transcript = key.transcript("test");
    transcript.part(name.as_bytes());
    transcript.part(value.as_bytes());
    ShortMac::of(transcript.finish())
}
