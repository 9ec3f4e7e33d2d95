//! Whether events arrive, for each place where stores read. It decides how often values are read without one.
//!
//! An event proves its path once the version that it names has been read. Without that, a message proves
//! nothing: it may be forged.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crds::secret_store::AwsService;
use tokio::time::Instant;

use super::store::{Store, StoreKey};
use crate::reason::{Failure, Reason};

/// How long a queue may fail before its events no longer count as proved.
const MAX_FAILURE: Duration = Duration::from_mins(5);
/// How late an event may come after a read has found its change.
const MAX_DELAY: Duration = Duration::from_secs(45);
/// How many changes of one path may wait for their events. One event that does not come ends the proof, so
/// the others need not be known.
const MAX_UNANNOUNCED: usize = 100;
/// How long a process believes the proof of the one before.
const INHERITED: Duration = Duration::from_hours(1);

/// How the changes of a store arrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum EventMode {
    /// No queue is configured.
    Off,
    Proved,
    /// No event has come yet.
    Unproved,
    /// None has come for too long.
    Silent,
    /// A read has found a change that no event announced.
    Lost,
    /// The queue cannot be polled.
    Failing(Failure),
}

/// The rules of `EventBridge` that have to work for a store: one for each service, account and region.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Path {
    service: AwsService,
    region: String,
    owner: Owner,
}

/// The account of a store, as far as it is known.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Owner {
    Account(String),
    /// That of the controller's Pod.
    Pod,
    /// Only AWS knows it.
    Store(StoreKey),
}

#[derive(Clone, Copy, Debug)]
struct Proof {
    at: Instant,
    /// None: it was inherited.
    queue: Option<usize>,
    /// Whether an event did not come since.
    is_lost: bool,
}

pub(crate) struct EventPaths {
    max_silence: Duration,
    state: Mutex<State>,
}

struct State {
    /// Since when each queue fails, and why.
    queues: Vec<Option<(Instant, Failure)>>,
    proofs: HashMap<Path, Proof>,
    /// Changes that reads have found before their events came, by path and the key in `status.versions`. Each path
    /// has its own limit, so the changes of one store hide no lost event of another.
    unannounced: HashMap<Path, HashMap<String, Instant>>,
}

impl Path {
    pub(super) fn of(store: &Store) -> Option<Self> {
        let place = store.place.as_ref()?;
        let owner = match &place.account {
            Some(account) => Owner::Account(account.clone()),
            None if place.is_pod => Owner::Pod,
            None => Owner::Store(store.key.clone()),
        };
        Some(Self { service: place.service, region: place.region.clone(), owner })
    }
}

impl EventPaths {
    pub(crate) fn new(queues: usize, max_silence: Duration) -> Self {
        let state = State {
            queues: vec![None; queues],
            proofs: HashMap::new(),
            unannounced: HashMap::new(),
        };
        Self { max_silence, state: Mutex::new(state) }
    }

    pub(super) fn polled(&self, queue: usize, failure: Option<&Failure>, now: Instant) {
        let mut state = self.lock();
        let Some(known) = state.queues.get_mut(queue) else { return };
        let since = known.as_ref().map_or(now, |(since, _)| *since);
        *known = failure.map(|failure| (since, failure.clone()));
    }

    /// A true event came by this queue.
    pub(super) fn prove(&self, path: Path, queue: usize, now: Instant) {
        self.lock().proofs.insert(path, Proof { at: now, queue: Some(queue), is_lost: false });
    }

    /// Believes for a while the proof of the process before: otherwise a restart would make all values due.
    pub(super) fn inherit(&self, path: Path, now: Instant) {
        let left = INHERITED.min(self.max_silence);
        let at = now.checked_sub(self.max_silence).map_or(now, |silent| silent + left);
        self.lock().proofs.entry(path).or_insert(Proof { at, queue: None, is_lost: false });
    }

    /// A read has found a change. An event should announce it.
    pub(super) fn found(&self, key: &str, path: &Path, now: Instant) {
        let mut state = self.lock();
        let changes = state.unannounced.entry(path.clone()).or_default();
        if changes.len() < MAX_UNANNOUNCED {
            changes.entry(key.to_owned()).or_insert(now);
        }
    }

    /// The event of a change has come.
    pub(super) fn announced(&self, key: &str) {
        self.lock().unannounced.retain(|_, changes| {
            changes.remove(key);
            !changes.is_empty()
        });
    }

    /// Ends the proofs of paths whose events did not come: somebody may have changed the rule, or the queue.
    pub(super) fn end_lost(&self, now: Instant) {
        let state = &mut *self.lock();
        let is_late = |since: &Instant| now.duration_since(*since) >= MAX_DELAY;
        state.unannounced.retain(|path, changes| {
            let before = changes.len();
            changes.retain(|_, since| !is_late(since));
            if changes.len() < before
                && let Some(proof) = state.proofs.get_mut(path)
            {
                proof.is_lost = true;
            }
            !changes.is_empty()
        });
    }

    pub(super) fn mode(&self, path: &Path, now: Instant) -> EventMode {
        let state = self.lock();
        let has_failed = |queue: &Option<(Instant, Failure)>| {
            let (since, failure) = queue.as_ref()?;
            (now.duration_since(*since) >= MAX_FAILURE).then(|| failure.clone())
        };
        let proof = state.proofs.get(path);
        let failures: Vec<_> = match proof.and_then(|proof| proof.queue) {
            Some(queue) => state.queues.get(queue).map(has_failed).into_iter().collect(),
            None => state.queues.iter().map(has_failed).collect(),
        };
        let is_failing = failures.iter().all(Option::is_some);
        match proof {
            _ if state.queues.is_empty() => EventMode::Off,
            _ if is_failing && let Some(failure) = failures.into_iter().flatten().next() => {
                EventMode::Failing(failure)
            }
            None => EventMode::Unproved,
            Some(proof) if proof.is_lost => EventMode::Lost,
            Some(proof) if now.duration_since(proof.at) < self.max_silence => EventMode::Proved,
            Some(_) => EventMode::Silent,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of the lock panics")
    }
}

impl EventMode {
    /// The reason of the condition `Events`. None without queues.
    pub(super) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::Proved => Some("Proved"),
            Self::Unproved => Some("Unproved"),
            Self::Silent => Some("Silent"),
            Self::Lost => Some("Lost"),
            Self::Failing(failure) => Some(match failure.reason {
                Reason::AccessDenied | Reason::KmsDenied => "Denied",
                Reason::NotFound => "NotFound",
                _ => "Unavailable",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::external::store::tests::{cluster_store, store};

    const SILENCE: Duration = Duration::from_hours(24);

    fn path(more: Value) -> Path {
        let mut aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        aws.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Path::of(&store("n", "aws", aws)).unwrap()
    }

    fn denied() -> Failure {
        Failure::new(Reason::AccessDenied, "denied")
    }

    #[test]
    fn path_is_proved_by_an_event_until_it_is_silent() {
        let (paths, start, path) = (EventPaths::new(1, SILENCE), Instant::now(), path(json!({})));
        assert_eq!(paths.mode(&path, start), EventMode::Unproved);
        paths.prove(path.clone(), 0, start);
        assert_eq!(paths.mode(&path, start + SILENCE / 2), EventMode::Proved);
        assert_eq!(paths.mode(&path, start + SILENCE), EventMode::Silent);
        paths.prove(path.clone(), 0, start + SILENCE);
        assert_eq!(paths.mode(&path, start + SILENCE), EventMode::Proved);
    }

    #[test]
    fn queue_that_is_denied_for_long_proves_nothing_until_it_is_back() {
        let (paths, start, path) = (EventPaths::new(2, SILENCE), Instant::now(), path(json!({})));
        let at = |minutes| start + Duration::from_mins(minutes);
        paths.prove(path.clone(), 1, start);
        paths.polled(1, Some(&denied()), at(1));
        paths.polled(1, Some(&denied()), at(5));
        assert_eq!(paths.mode(&path, at(5)), EventMode::Proved);
        assert_eq!(paths.mode(&path, at(6)), EventMode::Failing(denied()), "the other is no help");
        paths.polled(1, None, at(7));
        assert_eq!(paths.mode(&path, at(7)), EventMode::Proved);
    }

    #[test]
    fn unproved_path_fails_only_if_no_queue_can_be_polled() {
        let (paths, start, path) = (EventPaths::new(2, SILENCE), Instant::now(), path(json!({})));
        let later = start + MAX_FAILURE;
        paths.polled(0, Some(&denied()), start);
        assert_eq!(paths.mode(&path, later), EventMode::Unproved);
        paths.polled(1, Some(&Failure::new(Reason::NotFound, "x")), start);
        assert_eq!(paths.mode(&path, later).reason(), Some("Denied"));
    }

    #[test]
    fn change_without_an_event_ends_the_proof_until_the_next_event() {
        let (paths, start, path) = (EventPaths::new(1, SILENCE), Instant::now(), path(json!({})));
        paths.prove(path.clone(), 0, start);
        paths.found("late", &path, start);
        paths.announced("late");
        paths.end_lost(start + MAX_DELAY);
        assert_eq!(paths.mode(&path, start), EventMode::Proved, "its event came late");
        paths.found("lost", &path, start);
        paths.end_lost(start + MAX_DELAY / 2);
        assert_eq!(paths.mode(&path, start), EventMode::Proved, "it may still come");
        paths.end_lost(start + MAX_DELAY);
        assert_eq!(paths.mode(&path, start), EventMode::Lost);
        paths.prove(path.clone(), 0, start + MAX_DELAY);
        paths.end_lost(start + MAX_DELAY * 2);
        assert_eq!(paths.mode(&path, start + MAX_DELAY * 2), EventMode::Proved);
    }

    #[test]
    fn changes_of_one_path_hide_no_lost_event_of_another() {
        let (paths, start, path) = (EventPaths::new(1, SILENCE), Instant::now(), path(json!({})));
        let busy = Path { region: "eu-central-1".to_owned(), ..path.clone() };
        paths.prove(path.clone(), 0, start);
        for number in 0..100 * MAX_UNANNOUNCED {
            paths.found(&number.to_string(), &busy, start);
        }
        paths.found("lost", &path, start);
        paths.end_lost(start + MAX_DELAY);
        assert_eq!(paths.mode(&path, start), EventMode::Lost);
    }

    #[test]
    fn proof_of_another_process_is_believed_for_an_hour() {
        let (paths, start, path) = (EventPaths::new(1, SILENCE), Instant::now(), path(json!({})));
        let start = start + SILENCE;
        paths.inherit(path.clone(), start);
        assert_eq!(paths.mode(&path, start), EventMode::Proved);
        assert_eq!(paths.mode(&path, start + INHERITED), EventMode::Silent);
    }

    #[test]
    fn proof_covers_stores_that_surely_have_the_same_account() {
        let role = |name: &str| json!({ "role": format!("arn:aws:iam::123456789012:role/{name}") });
        assert_eq!(path(role("a")), path(role("b")));
        assert_ne!(path(role("a")), path(json!({})));
        assert_ne!(path(json!({})), path(json!({ "region": "eu-central-1" })));
        assert_ne!(path(json!({})), path(json!({ "service": "ParameterStore" })));
        let keys = |key: &str| json!({ "name": "keys", "key": key });
        let auth = json!({ "secretRef": { "accessKeyIDSecretRef": keys("id"), "secretAccessKeySecretRef": keys("key") } });
        let own = json!({ "service": "SecretsManager", "region": "eu-west-1", "auth": auth });
        let [one, other] = ["one", "other"].map(|name| Path::of(&cluster_store(name, own.clone())));
        assert_ne!(one, other, "each has keys of its own");
        let pod = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        assert_eq!(Path::of(&cluster_store("c", pod)), Some(path(json!({}))));
    }
}
