//! How many values the objects of a store use, by their intervals. From this the controller knows how many reads
//! a list of versions saves, before the objects are due.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use crds::ExternalSecret;

use super::{
    spec::{period, values},
    store::StoreKey,
};
use crate::key::ObjectKey;

/// The values by store. Those of a ClusterSecretStore also by the namespace of the objects, which may have
/// an identity of its own.
#[derive(Default)]
pub(super) struct Census {
    counts: Mutex<HashMap<(StoreKey, Option<String>), Counts>>,
    hasher: RandomState,
}

/// By interval: the hash of each value's name, and how many objects use the value.
type Counts = BTreeMap<Duration, HashMap<u64, u32>>;

impl Census {
    pub(super) fn add(&self, object: &ExternalSecret) {
        let mut all = self.lock();
        for (key, interval, value) in self.uses(object) {
            let of_interval = all.entry(key).or_default().entry(interval).or_default();
            *of_interval.entry(value).or_default() += 1;
        }
    }

    pub(super) fn remove(&self, object: &ExternalSecret) {
        let mut all = self.lock();
        for (key, interval, value) in self.uses(object) {
            let Some(counts) = all.get_mut(&key) else { continue };
            if let Some(of_interval) = counts.get_mut(&interval) {
                of_interval.entry(value).and_modify(|count| *count = count.saturating_sub(1));
                of_interval.retain(|other, count| *other != value || *count > 0);
            }
            counts.retain(|_, of_interval| !of_interval.is_empty());
            if counts.is_empty() {
                all.remove(&key);
            }
        }
    }

    /// How many values of the store are due within an interval, on average. A list that is made once in
    /// this interval proves all of them. `namespace` is set if the list is for one namespace only. Objects with
    /// a shorter interval have lists or reads of their own.
    pub(super) fn due_within(
        &self,
        interval: Duration,
        store: &StoreKey,
        namespace: Option<&str>,
    ) -> usize {
        let all = self.lock();
        let Some(counts) = all.get(&(store.clone(), namespace.map(ToOwned::to_owned))) else {
            return 0;
        };
        let due = counts.range(interval..);
        due.map(|(longer, values)| values.len() * millionths(interval, *longer)).sum::<usize>()
            / MILLION
    }

    /// Where each value counts that can be checked without reading it.
    fn uses(&self, object: &ExternalSecret) -> Vec<((StoreKey, Option<String>), Duration, u64)> {
        let Some(interval) = period(&object.spec) else { return Vec::new() };
        let namespace = ObjectKey::of(&object.metadata).namespace;
        let mut uses = Vec::new();
        for (store, reference) in values(&object.spec).unwrap_or_default() {
            let store = StoreKey::of(store, &namespace);
            let value = self.hasher.hash_one((&reference.key, &reference.version));
            if store.is_cluster_store() {
                uses.push(((store.clone(), Some(namespace.clone())), interval, value));
            }
            uses.push(((store, None), interval, value));
        }
        uses
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(StoreKey, Option<String>), Counts>> {
        self.counts.lock().expect("no holder of the lock panics")
    }
}

const MILLION: usize = 1_000_000;

/// An interval as a part of a longer one.
fn millionths(interval: Duration, longer: Duration) -> usize {
    let part = interval.as_millis() * 1_000_000 / longer.as_millis().max(1);
    usize::try_from(part).unwrap_or(MILLION).min(MILLION)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(namespace: &str, interval: &str, keys: &[&str]) -> ExternalSecret {
        let data = keys.iter().map(|key| json!({ "secretKey": key, "remoteRef": { "key": key } }));
        let data: Vec<_> = data.collect();
        let store = json!({ "name": "s", "kind": "ClusterSecretStore" });
        let spec = json!({ "secretStoreRef": store, "refreshInterval": interval, "data": data });
        let metadata = json!({ "namespace": namespace, "name": "o" });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    #[test]
    fn values_count_once_and_as_often_as_they_are_due() {
        let census = Census::default();
        let objects = [
            object("a", "1h", &["A", "B"]),
            object("a", "1h", &["B", "C"]),
            object("b", "2h", &["A", "D"]),
            object("b", "0", &["E"]),
            object("a", "1m", &["F"]),
        ];
        objects.iter().for_each(|object| census.add(object));
        let store = StoreKey { namespace: None, name: "s".to_owned() };
        let due =
            |minutes, namespace| census.due_within(Duration::from_mins(minutes), &store, namespace);
        assert_eq!(due(60, None), 4, "three values each hour, and two every other hour");
        assert_eq!(due(60, Some("a")), 3);
        assert_eq!(due(60, Some("c")), 0);
        assert_eq!(due(120, None), 2);
        let other = StoreKey { namespace: None, name: "t".to_owned() };
        assert_eq!(census.due_within(Duration::from_mins(1), &other, None), 0);
        census.remove(&objects[0]);
        assert_eq!(due(60, Some("a")), 2, "another object uses B");
        objects[1..].iter().for_each(|object| census.remove(object));
        assert!(census.lock().is_empty());
    }
}
