//! A workload whose plans are applied at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::Instant;

use crate::{
    restart::{
        baseline::{Baseline, CurrentUse, Entry},
        kind::WorkloadKind,
        plan::{Action, Observed, Progress, RECORD_BACKOFF, Settings, WorkloadEntry, plan},
        workload::{OtherRestarter, Workload, WorkloadObject},
    },
    runtime::mac::{Mac, MacKey},
};

const SETTINGS: Settings =
    Settings { delay: Duration::from_secs(2), min_interval: Duration::from_secs(60) };

/// A workload, the Secrets that it uses, and the time.
pub(super) struct World {
    start: Instant,
    pub(super) now: Instant,
    pub(super) workload: Workload,
    pub(super) other_restarter: Option<OtherRestarter>,
    pub(super) uses: BTreeMap<String, CurrentUse>,
    pub(super) progress: Progress,
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
            progress: Progress::default(),
            key: "key",
        };
        secrets.iter().for_each(|(name, value)| world.set(name, value));
        world
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.set_as(name, Some(value), true);
    }

    pub(super) fn set_as(&mut self, name: &str, value: Option<&str>, required: bool) {
        let entry = Entry { items: 1, mac: value.map(|value| mac(name, value)) };
        self.uses.insert(name.to_owned(), CurrentUse { entry, required });
    }

    pub(super) fn gone(&mut self, name: &str) {
        self.uses.get_mut(name).unwrap().entry.mac = None;
    }

    pub(super) fn after(&mut self, seconds: u64) -> Action {
        self.now += Duration::from_secs(seconds);
        self.reconcile()
    }

    /// Plans, and applies the action.
    pub(super) fn reconcile(&mut self) -> Action {
        let (action, baseline) = self.plan_only();
        let Some(baseline) = baseline else { return action };
        self.workload.baseline = Some(baseline.text(self.key));
        self.progress.considered_annotation.clone_from(&self.workload.baseline);
        self.progress.baseline = Some(baseline);
        if matches!(action, Action::Restart { .. }) {
            self.progress.pending = None;
            self.progress.restarted = Some(self.now);
        } else {
            self.progress.records.record(RECORD_BACKOFF, self.now);
        }
        action
    }

    /// Plans, and applies nothing.
    pub(super) fn plan_only(&mut self) -> (Action, Option<Baseline>) {
        let text = self.workload.baseline.clone();
        let recorded = text.as_deref().and_then(|text| Baseline::parse(text, self.key));
        let entry = WorkloadEntry {
            workload: Arc::new(self.workload.clone()),
            progress: self.progress.clone(),
            is_new: false,
            secrets: BTreeMap::new(),
            other_restarter: self.other_restarter,
        };
        let uses = self.uses.clone();
        let plan = plan(&Observed { settings: SETTINGS, entry, recorded, uses }, self.now);
        self.progress.baseline = plan.baseline;
        self.progress.considered_annotation = text;
        self.progress.pending = plan.pending;
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
        self.progress = Progress::default();
    }
}

pub(super) fn mac(name: &str, value: &str) -> Mac<16> {
    let key = MacKey::from_bytes(&[1; 32]).unwrap();
    key.mac("test", [name.as_bytes(), value.as_bytes()]).truncated_128()
}
