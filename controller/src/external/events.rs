//! Hints of AWS wake the objects whose values may have changed.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use crds::external_secret::RefreshPolicy;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    concerned::concerned,
    controller::ExternalSecretController,
    index::ExternalSecretEntry,
    paths::{EventMode, Path},
    schedule,
    store::{Store, StoreKey},
    store_status,
};
use crate::{
    aws::events::{EventSubscriber, Hint},
    key::ObjectKey,
    reason::Failure,
    runtime::Priority,
};

/// How often the controller checks whether events still arrive.
const PATH_CHECK_INTERVAL: Duration = Duration::from_secs(15);
/// Over how long the values of all objects become due that events no longer announce.
const FALLBACK_SPREAD: Duration = Duration::from_mins(5);

impl EventSubscriber for ExternalSecretController {
    fn hinted(&self, queue: usize, hint: &Hint) {
        // The index knows names as the objects write them: without the prefix of their store.
        let mut prefixes = BTreeSet::new();
        self.stores.index.stores.for_each(|_, store: &Arc<Store>| {
            if let Some(place) = store.place.as_ref().filter(|place| place.covers(hint))
                && !prefixes.contains(place.prefix.as_str())
            {
                prefixes.insert(place.prefix.clone());
            }
        });
        let mut objects = BTreeSet::new();
        for name in prefixes.iter().filter_map(|prefix| hint.name.strip_prefix(prefix.as_str())) {
            objects.extend(self.objects.names.readers(name));
        }
        if !prefixes.is_empty() {
            objects.extend(self.objects.names.finders());
        }
        let woken = objects.into_iter().filter(|object| self.wake(object, queue, hint)).count();
        self.metrics.woken(woken);
    }

    fn polled(&self, queue: usize, failure: Option<&Failure>) {
        self.stores.paths.polled(queue, failure, Instant::now());
    }
}

impl ExternalSecretController {
    /// Believes what the statuses of the stores say about events. Called before the first reconcile.
    pub(crate) fn inherit_event_paths(&self) {
        self.stores.index.stores.for_each(|_, store| {
            if store_status::event_reason(&store.status) == Some("Proved")
                && let Some(path) = Path::of(store)
            {
                self.stores.paths.inherit(path, Instant::now());
            }
        });
    }

    /// Watches how changes arrive. The status of each store reports it, and the values that events no longer
    /// announce are due at their interval again.
    pub(crate) async fn watch_event_paths(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(PATH_CHECK_INTERVAL);
        let mut proved = HashSet::new();
        loop {
            ticks.tick().await;
            self.check_event_paths(&mut proved);
        }
    }

    pub(crate) fn check_event_paths(&self, proved: &mut HashSet<StoreKey>) {
        let (mut now_proved, mut outdated) = (HashSet::new(), Vec::new());
        let stores = &self.stores;
        stores.paths.end_lost(Instant::now());
        stores.index.stores.for_each(|key, store: &Arc<Store>| {
            if store.is_foreign(&self.settings.class) {
                return;
            }
            let mode = stores.event_mode(store);
            if mode == EventMode::Proved {
                now_proved.insert(key.clone());
            }
            if store.place.is_some() && store_status::event_reason(&store.status) != mode.reason() {
                outdated.push(key.clone());
            }
        });
        for key in outdated {
            stores.queue.add(key, Priority::Resync, Duration::ZERO);
        }
        let lost: HashSet<_> = proved.difference(&now_proved).cloned().collect();
        *proved = now_proved;
        if lost.is_empty() {
            return;
        }
        let is_affected = |_: &ObjectKey, entry: &ExternalSecretEntry| {
            entry.stores().any(|store| lost.contains(&store))
        };
        for object in self.objects.entries.keys_where(is_affected) {
            let delay = Duration::from_secs(schedule::spread(&object) % FALLBACK_SPREAD.as_secs());
            self.queue.add(object, Priority::Resync, delay);
        }
    }

    /// Wakes the object if it reads the value in the hint. Wakes are limited for each object.
    fn wake(&self, key: &ObjectKey, queue: usize, hint: &Hint) -> bool {
        let Some(object) = self.objects.entries.read(key, |entry| entry.object.clone()) else {
            return false;
        };
        let spec = &object.spec;
        let is_periodic = spec.refresh_policy == RefreshPolicy::Periodic;
        if !is_periodic || schedule::interval(spec).is_zero() {
            return false;
        }
        let store = |key: &StoreKey| self.stores.index.stores.get(key);
        let concerned = concerned(spec, &key.namespace, store, hint);
        if concerned.is_empty() {
            return false;
        }
        for key in concerned.iter().filter_map(|one| one.version_key.as_ref()) {
            self.stores.paths.announced(key);
        }
        let (now, wall) = (Instant::now(), Timestamp::now());
        let delay = self.objects.entries.update(
            key,
            object.metadata.uid.as_deref().unwrap_or_default(),
            |memory| {
                let is_new = memory.looks.expect(&concerned, queue, hint, &memory.versions, wall);
                is_new.then(|| memory.looks.ask(now)).flatten()
            },
        );
        let Some(delay) = delay.flatten() else { return false };
        self.queue.add(key.clone(), Priority::Event, delay);
        true
    }
}
