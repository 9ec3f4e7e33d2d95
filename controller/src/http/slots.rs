//! A limited number of places, of which one client may hold a part.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard},
};

/// Places by client. Cheap to clone.
#[derive(Clone)]
pub(super) struct Slots<K> {
    taken: Arc<Mutex<HashMap<K, usize>>>,
    max: usize,
    max_per_client: usize,
}

/// One place, until it is dropped.
pub(super) struct Slot<K: Eq + Hash> {
    taken: Arc<Mutex<HashMap<K, usize>>>,
    client: K,
}

impl<K: Clone + Eq + Hash> Slots<K> {
    pub(super) fn new(max: usize, max_per_client: usize) -> Self {
        Self { taken: Arc::default(), max, max_per_client }
    }

    /// None if all places are taken, or all that the client may have.
    pub(super) fn take(&self, client: &K) -> Option<Slot<K>> {
        let mut taken = lock(&self.taken);
        let all: usize = taken.values().sum();
        let own = taken.get(client).copied().unwrap_or_default();
        if all >= self.max || own >= self.max_per_client {
            return None;
        }
        taken.insert(client.clone(), own + 1);
        Some(Slot { taken: self.taken.clone(), client: client.clone() })
    }
}

impl<K: Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(own) = taken.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

fn lock<K>(taken: &Mutex<HashMap<K, usize>>) -> MutexGuard<'_, HashMap<K, usize>> {
    taken.lock().expect("no holder of the lock panics")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_all_clients_are_limited() {
        let slots = Slots::new(8, 2);
        let mut held: Vec<_> = (0..20).filter_map(|client| slots.take(&client)).collect();
        assert_eq!(held.len(), 8);
        held.pop();
        assert!(slots.take(&100).is_some());
    }

    #[test]
    fn one_client_holds_its_part_at_most() {
        let slots = Slots::new(8, 2);
        let held = [slots.take(&"a"), slots.take(&"a")];
        assert!(held.iter().all(Option::is_some) && slots.take(&"a").is_none());
        assert!(slots.take(&"b").is_some());
        drop(held);
        assert!(slots.take(&"a").is_some());
        assert!(lock(&slots.taken).is_empty(), "a client without places takes no memory");
    }
}
