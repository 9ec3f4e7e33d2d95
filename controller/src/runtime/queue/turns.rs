//! The order of turns between namespaces.

use std::{collections::BTreeSet, sync::Arc};

use tokio::time::Instant;

/// The due objects of one namespace.
pub(super) struct Lane<K> {
    /// Sorted by rank.
    pub(super) due: BTreeSet<(Instant, K)>,
    /// How many workers the namespace holds.
    pub(super) running: usize,
    /// Its turn. A namespace that was just served gets a new one, after all others.
    pub(super) turn: Option<u64>,
    place: Option<Place>,
}

/// Where a namespace stands in line. Lower places are served first.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    /// Its first object may still wait, until its rank.
    can_wait: bool,
    turn: u64,
}

/// The namespaces that may be served, in order: those with due objects and less than their share of the
/// workers.
pub(super) struct Turns {
    /// The workers that one namespace may hold.
    share: usize,
    next_turn: u64,
    line: BTreeSet<(Place, Arc<str>)>,
    /// Namespaces whose first object may wait, by when that ends.
    maturing: BTreeSet<(Instant, Arc<str>)>,
}

impl<K> Default for Lane<K> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), running: 0, turn: None, place: None }
    }
}

impl<K> Lane<K> {
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty() && self.running == 0
    }
}

impl Turns {
    pub(super) fn new(workers: usize) -> Self {
        let share = (workers / 4).max(1);
        Self { share, next_turn: 0, line: BTreeSet::new(), maturing: BTreeSet::new() }
    }

    pub(super) fn next(&self) -> Option<Arc<str>> {
        self.line.first().map(|(_, namespace)| namespace.clone())
    }

    /// The namespaces whose first object has waited long enough by now.
    pub(super) fn matured(&self, now: Instant) -> Vec<Arc<str>> {
        let matured = self.maturing.iter().take_while(|(at, _)| *at <= now);
        matured.map(|(_, namespace)| namespace.clone()).collect()
    }

    /// Takes a lane out of the line, before it changes.
    pub(super) fn remove<K: Ord>(&mut self, namespace: &Arc<str>, lane: &mut Lane<K>) {
        if let Some(place) = lane.place.take() {
            self.line.remove(&(place, namespace.clone()));
            if let Some((rank, _)) = lane.due.first() {
                self.maturing.remove(&(*rank, namespace.clone()));
            }
        }
    }

    /// Puts a lane into the line, after it changed.
    pub(super) fn insert<K: Ord>(
        &mut self,
        namespace: &Arc<str>,
        lane: &mut Lane<K>,
        now: Instant,
    ) {
        let Some((rank, _)) = lane.due.first() else {
            lane.turn = None;
            return;
        };
        let turn = *lane.turn.get_or_insert_with(|| {
            self.next_turn += 1;
            self.next_turn
        });
        if lane.running >= self.share {
            return;
        }
        let can_wait = *rank > now;
        if can_wait {
            self.maturing.insert((*rank, namespace.clone()));
        }
        let place = Place { can_wait, turn };
        lane.place = Some(place);
        self.line.insert((place, namespace.clone()));
    }
}
