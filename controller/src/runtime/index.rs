//! An index of the objects of one kind, by key.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    hash::Hash,
    sync::{Mutex, MutexGuard},
};

use crate::key::ObjectKey;

/// An entry of an index, for one of the objects that had its name.
pub(crate) trait Indexed {
    fn uid(&self) -> &str;
}

/// Entries by name. Holds its lock only within a call.
pub(crate) struct ObjectIndex<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for ObjectIndex<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V> ObjectIndex<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<V>
    where
        V: Clone,
    {
        self.lock().get(key).cloned()
    }

    /// Reads a part of an entry that is costly to clone.
    pub(crate) fn read<R>(&self, key: &K, read: impl FnOnce(&V) -> R) -> Option<R> {
        self.lock().get(key).map(read)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.lock().contains_key(key)
    }

    /// Changes the entry if it is still that of the object with this uid.
    pub(crate) fn update<R>(
        &self,
        key: &K,
        uid: &str,
        change: impl FnOnce(&mut V) -> R,
    ) -> Option<R>
    where
        V: Indexed,
    {
        self.lock().get_mut(key).filter(|entry| entry.uid() == uid).map(change)
    }

    /// Inserts, changes or removes the entry under the lock.
    pub(crate) fn entry<R>(&self, key: K, change: impl FnOnce(Entry<'_, K, V>) -> R) -> R {
        change(self.lock().entry(key))
    }

    pub(crate) fn insert(&self, key: K, value: V) -> Option<V> {
        self.lock().insert(key, value)
    }

    pub(crate) fn remove(&self, key: &K) -> Option<V> {
        self.lock().remove(key)
    }

    /// Removes all entries but those to keep, and returns the keys of the removed ones.
    pub(crate) fn retain(&self, keep: impl Fn(&K) -> bool) -> Vec<K> {
        self.lock().extract_if(|key, _| !keep(key)).map(|(key, _)| key).collect()
    }

    pub(crate) fn keys(&self) -> Vec<K> {
        self.keys_where(|_, _| true)
    }

    pub(crate) fn keys_where(&self, matches: impl Fn(&K, &V) -> bool) -> Vec<K> {
        let entries = self.lock();
        let matching = entries.iter().filter(|(key, value)| matches(key, value));
        matching.map(|(key, _)| key.clone()).collect()
    }

    pub(crate) fn for_each(&self, mut visit: impl FnMut(&K, &V)) {
        self.lock().iter().for_each(|(key, value)| visit(key, value));
    }

    pub(crate) fn change_each(&self, change: impl FnMut(&mut V)) {
        self.lock().values_mut().for_each(change);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl<V> ObjectIndex<ObjectKey, V> {
    pub(crate) fn has_namespace(&self, namespace: &str) -> bool {
        self.lock().keys().any(|key| key.namespace == namespace)
    }
}

/// An index of sets. It has no empty set.
impl<K: Clone + Eq + Hash, V: Clone + Ord> ObjectIndex<K, BTreeSet<V>> {
    pub(crate) fn insert_into(&self, key: K, member: V) {
        self.lock().entry(key).or_default().insert(member);
    }

    pub(crate) fn remove_from(&self, key: K, member: &V) {
        if let Entry::Occupied(mut set) = self.lock().entry(key) {
            set.get_mut().remove(member);
            if set.get().is_empty() {
                set.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Object(&'static str, u32);

    impl Indexed for Object {
        fn uid(&self) -> &str {
            self.0
        }
    }

    #[test]
    fn update_skips_another_object_of_the_name() {
        let index = ObjectIndex::default();
        index.insert("n/a", Object("u2", 1));
        assert_eq!(index.update(&"n/a", "u1", |object| object.1 = 2), None);
        assert_eq!(index.update(&"n/a", "u2", |object| object.1), Some(1));
    }

    #[test]
    fn retain_returns_the_removed_keys() {
        let index = ObjectIndex::default();
        for key in ["a", "b"] {
            index.insert(key, Object("u", 0));
        }
        assert_eq!(index.retain(|key| *key == "a"), ["b"]);
        assert_eq!(index.keys(), ["a"]);
    }
}
