use serde_json::json;

use super::*;
use crate::restart::{
    references::Use,
    state::{ShortMac, key_id, observe},
    workload::{Kind, WorkloadObject},
};
use crate::{
    key::ObjectKey,
    runtime::{mac::MacKey, secret::SecretObject},
    target::SecretIndex,
};

const DELAYS: Delays = Delays {
    quiet: Duration::from_secs(2),
    longest: Duration::from_secs(15),
    between: Duration::from_secs(60),
};

/// A workload, the Secrets it looks at, and the time; what is decided is carried out.
struct World {
    start: Instant,
    now: Instant,
    workload: Workload,
    left_to: Option<LeftTo>,
    observed: BTreeMap<String, Observed>,
    memory: Memory,
    key: &'static str,
}

impl World {
    /// A workload that uses the Secrets with these values, and was looked at.
    fn with(secrets: &[(&str, &str)]) -> Self {
        let mut world = Self::unseen(secrets);
        assert!(matches!(world.look(), Decision::Record(_)));
        assert_eq!(world.look(), Decision::Nothing);
        world
    }

    fn unseen(secrets: &[(&str, &str)]) -> Self {
        let object: WorkloadObject = serde_json::from_value(json!({})).unwrap();
        let now = Instant::now();
        let mut world = Self {
            start: now,
            now,
            workload: Workload::of(Kind::Deployment, &object),
            left_to: None,
            observed: BTreeMap::new(),
            memory: Memory::default(),
            key: "key",
        };
        secrets.iter().for_each(|(name, value)| world.set(name, value));
        world
    }

    fn set(&mut self, name: &str, value: &str) {
        self.set_as(name, Some(value), true);
    }

    fn set_as(&mut self, name: &str, value: Option<&str>, required: bool) {
        let observed = Observed { items: 1, mac: value.map(|value| mac(name, value)), required };
        self.observed.insert(name.to_owned(), observed);
    }

    fn gone(&mut self, name: &str) {
        self.observed.get_mut(name).unwrap().mac = None;
    }

    fn after(&mut self, seconds: u64) -> Decision {
        self.now += Duration::from_secs(seconds);
        self.look()
    }

    /// Looks, and carries out what is decided.
    fn look(&mut self) -> Decision {
        let (decision, state) = self.look_only();
        let Some(state) = state else { return decision };
        self.workload.state = Some(state.text(self.key));
        self.memory.considered.clone_from(&self.workload.state);
        self.memory.baseline = Some(state);
        if matches!(decision, Decision::Restart { .. }) {
            self.memory.pending = None;
            self.memory.restarted = Some(self.now);
        } else {
            self.memory.records.note(self.now);
        }
        decision
    }

    /// Looks, and writes nothing.
    fn look_only(&mut self) -> (Decision, Option<State>) {
        let text = self.workload.state.clone();
        let recorded = text.as_deref().and_then(|text| State::parse(text, self.key));
        let plan = plan(&Inputs {
            now: self.now,
            delays: DELAYS,
            workload: &self.workload,
            left_to: self.left_to,
            recorded: recorded.as_ref(),
            observed: &self.observed,
            memory: &self.memory,
        });
        self.memory.baseline = plan.baseline;
        self.memory.considered = text;
        self.memory.pending = plan.pending;
        let state = match &plan.decision {
            Decision::Record(state) | Decision::Restart { state, .. } => Some(state.clone()),
            _ => None,
        };
        (plan.decision, state)
    }

    /// The time until which it waits, from the start, in seconds.
    fn waits_until(&mut self) -> u64 {
        match self.look() {
            Decision::Wait(at) => (at - self.start).as_secs(),
            other => panic!("it does not wait: {other:?}"),
        }
    }

    fn restarts_for(&mut self, secrets: &[&str]) {
        match self.look() {
            Decision::Restart { changed, .. } => assert_eq!(changed, secrets),
            other => panic!("no restart: {other:?}"),
        }
    }

    fn controller_restarts(&mut self) {
        self.memory = Memory::default();
    }
}

fn mac(name: &str, value: &str) -> ShortMac {
    let key = MacKey::from_bytes(&[1; 32]).unwrap();
    let mut transcript = key.transcript("test");
    transcript.part(name.as_bytes());
    transcript.part(value.as_bytes());
    ShortMac::of(transcript.finish())
}

#[test]
fn adopting_a_workload_restarts_nothing() {
    let mut world = World::unseen(&[("db", "1")]);
    assert!(matches!(world.look(), Decision::Record(_)));
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn a_change_restarts_after_the_quiet_period_and_only_once() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    assert_eq!(world.waits_until(), 2);
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    for _ in 0..10 {
        assert_eq!(world.after(3600), Decision::Nothing);
    }
}

#[test]
fn a_restart_or_loss_of_the_controller_changes_nothing() {
    let mut world = World::with(&[("db", "1")]);
    world.controller_restarts();
    assert_eq!(world.look(), Decision::Nothing);
}

#[test]
fn what_changed_while_no_controller_ran_is_found() {
    let mut world = World::with(&[("db", "1")]);
    world.controller_restarts();
    world.set("db", "2");
    assert_eq!(world.waits_until(), 2);
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn two_secrets_changed_together_restart_once() {
    let mut world = World::with(&[("a", "1"), ("b", "1"), ("c", "1")]);
    world.set("a", "2");
    assert_eq!(world.waits_until(), 2);
    world.now += Duration::from_secs(1);
    world.set("b", "2");
    assert_eq!(world.waits_until(), 3);
    world.now += Duration::from_secs(2);
    world.restarts_for(&["a", "b"]);
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn changes_that_go_on_are_not_waited_for_longer_than_the_longest() {
    let mut world = World::with(&[("db", "0")]);
    for second in 0..15 {
        world.set("db", &format!("{}", second + 1));
        assert!(matches!(world.look(), Decision::Wait(_)), "{second}");
        world.now += Duration::from_secs(1);
    }
    world.restarts_for(&["db"]);
}

#[test]
fn what_changes_back_in_time_is_no_change() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.waits_until();
    world.set("db", "1");
    assert_eq!(world.after(1), Decision::Nothing);
    assert_eq!(world.memory.pending, None);
}

#[test]
fn a_secret_that_flaps_does_not_roll_for_ever_and_nothing_is_lost() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    world.set("db", "3");
    assert_eq!(world.waits_until(), 62);
    assert!(matches!(world.after(59), Decision::Wait(_)));
    world.now += Duration::from_secs(1);
    world.restarts_for(&["db"]);
}

#[test]
fn a_lost_mac_key_makes_a_new_baseline_and_no_restart() {
    let mut world = World::with(&[("db", "1")]);
    world.controller_restarts();
    world.key = "another";
    world.set("db", "a MAC under another key");
    assert!(matches!(world.look(), Decision::Record(_)));
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn a_secret_that_goes_and_comes_back_the_same_restarts_nothing() {
    let mut world = World::with(&[("db", "1")]);
    world.gone("db");
    assert_eq!(world.after(100), Decision::Nothing);
    world.controller_restarts();
    assert_eq!(world.look(), Decision::Nothing);
    world.set("db", "1");
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn a_secret_that_comes_back_with_other_data_restarts() {
    let mut world = World::with(&[("db", "1")]);
    world.gone("db");
    world.look();
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn the_first_appearance_of_a_required_secret_restarts_nothing() {
    let mut world = World::unseen(&[]);
    world.set_as("db", None, true);
    assert!(matches!(world.look(), Decision::Record(_)));
    world.set("db", "1");
    assert!(matches!(world.after(1), Decision::Record(_)));
    assert_eq!(world.after(100), Decision::Nothing);
    world.set("db", "2");
    assert!(matches!(world.after(0), Decision::Wait(_)));
}

#[test]
fn the_first_appearance_of_an_optional_secret_restarts() {
    let mut world = World::unseen(&[]);
    world.set_as("db", None, false);
    assert!(matches!(world.look(), Decision::Record(_)));
    world.set_as("db", Some("1"), false);
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn other_items_of_the_same_secret_are_the_templates_change_and_not_the_secrets() {
    let mut world = World::with(&[("db", "1")]);
    let other = Observed { items: 2, mac: Some(mac("db", "other items")), required: true };
    world.observed.insert("db".into(), other);
    assert!(matches!(world.after(100), Decision::Record(_)));
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn a_secret_that_is_used_from_now_on_restarts_nothing() {
    let mut world = World::with(&[("a", "1")]);
    world.set("b", "1");
    assert!(matches!(world.after(100), Decision::Record(_)));
    world.observed.remove("a");
    assert!(matches!(world.after(100), Decision::Record(_)));
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn a_paused_workload_waits_for_the_end_of_its_pause() {
    let mut world = World::with(&[("db", "1")]);
    world.workload.paused = true;
    world.set("db", "2");
    world.waits_until();
    assert_eq!(world.after(2), Decision::Postpone(vec!["db".into()]));
    assert_eq!(world.after(3600), Decision::Postpone(vec!["db".into()]));
    world.controller_restarts();
    world.waits_until();
    world.workload.paused = false;
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn without_replicas_the_baseline_follows_and_nothing_is_restarted() {
    let mut world = World::with(&[("db", "1")]);
    world.workload.no_replicas = true;
    world.set("db", "2");
    assert!(matches!(world.after(1), Decision::Record(_)));
    world.workload.no_replicas = false;
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn what_others_restart_is_left_and_nothing_is_written_on_it() {
    for other in [LeftTo::Reloader, LeftTo::Flagger] {
        let mut world = World::unseen(&[("db", "1")]);
        world.left_to = Some(other);
        assert_eq!(world.look(), Decision::Nothing);
        world.set("db", "2");
        assert_eq!(world.after(100), Decision::Leave(other, vec!["db".into()]));
        assert_eq!(world.after(100), Decision::Nothing, "once for each change");
    }
}

#[test]
fn a_workload_that_goes_or_asks_for_nothing_is_left_alone() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.workload.deleting = true;
    assert_eq!(world.after(100), Decision::Nothing);
    assert_eq!(World::unseen(&[]).look(), Decision::Nothing);
}

/// A Deployment's annotations are put back with its template.
#[test]
fn an_undone_rollout_restarts_nothing_and_the_baseline_is_written_again() {
    let mut world = World::with(&[("db", "1")]);
    let first = world.workload.state.clone();
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    world.workload.state = first;
    assert!(matches!(world.after(100), Decision::Record(_)));
    assert_eq!(world.after(100), Decision::Nothing);
}

#[test]
fn a_change_to_what_the_restored_annotation_tells_is_a_change_all_the_same() {
    let mut world = World::with(&[("db", "1")]);
    let first = world.workload.state.clone();
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
    world.workload.state = first;
    world.now += Duration::from_secs(100);
    assert!(matches!(world.look_only(), (Decision::Record(_), _)), "and it is not written");
    world.set("db", "1");
    world.waits_until();
    world.now += Duration::from_secs(2);
    world.restarts_for(&["db"]);
}

#[test]
fn a_restart_whose_answer_was_lost_is_not_made_twice() {
    let mut world = World::with(&[("db", "1")]);
    world.set("db", "2");
    world.waits_until();
    world.now += Duration::from_secs(2);
    let (decision, state) = world.look_only();
    assert!(matches!(decision, Decision::Restart { .. }));
    world.workload.state = Some(state.unwrap().text(world.key));
    assert_eq!(world.after(1), Decision::Nothing);
}

#[test]
fn an_annotation_that_somebody_keeps_removing_is_written_ever_more_slowly() {
    let mut world = World::with(&[("db", "1")]);
    let mut written = 0;
    for _ in 0..1000 {
        world.workload.state = None;
        written += u32::from(matches!(world.after(1), Decision::Record(_)));
    }
    assert!((6..16).contains(&written), "{written}");
    assert!(matches!(world.look(), Decision::Nothing | Decision::Wait(_)));
}

/// The same with real Secrets: a value that is not used does not count.
#[test]
fn only_a_used_item_counts() {
    let mac_key = std::sync::Arc::new(MacKey::from_bytes(&[1; 32]).unwrap());
    let key = ObjectKey { namespace: "n".into(), name: "db".into() };
    let seen = |a: &str, b: &str| {
        let secret: SecretObject = serde_json::from_value(json!({
            "metadata": { "namespace": "n", "name": "db" }, "data": { "A": a, "B": b } }))
        .unwrap();
        let items = SecretIndex::new(mac_key.clone()).with_items().upsert(&secret).items;
        let used = Use {
            items: crate::restart::references::Items::Named(vec!["A".into()]),
            required: true,
            required_items: vec!["A".into()],
        };
        observe(&mac_key, &key, &used, items.as_deref())
    };
    let mut world = World::unseen(&[]);
    world.observed.insert("db".into(), seen("MQ==", "MQ=="));
    world.look();
    world.observed.insert("db".into(), seen("MQ==", "Mg=="));
    assert_eq!(world.look(), Decision::Nothing);
    world.observed.insert("db".into(), seen("Mg==", "Mg=="));
    assert!(matches!(world.look(), Decision::Wait(_)));
    assert_eq!(key_id(&mac_key).len(), 16);
}
