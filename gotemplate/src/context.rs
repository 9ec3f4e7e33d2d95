//! The environment of a rendering, and the state that its functions see.

use std::{
    any::{Any, TypeId},
    collections::BTreeMap,
};

use rand::CryptoRng;

use crate::{
    limits::{Limits, Meter, SharedMemory},
    value::Map,
};

/// All inputs of a rendering other than its data. It has no clock, no files and no network.
pub struct Environment<'e> {
    /// The current time.
    pub now: jiff::Timestamp,
    /// The source of randomness.
    pub random: &'e mut dyn CryptoRng,
    /// The limits of the rendering.
    pub limits: Limits,
    /// The rendering calls this at intervals, and fails with [`Limit::Time`](crate::Limit::Time)
    /// once it returns true.
    pub deadline_exceeded: &'e dyn Fn() -> bool,
    /// The memory that the rendering shares with others.
    pub memory: Option<&'e dyn SharedMemory>,
}

impl<'e> Environment<'e> {
    /// The environment of another rendering of the same object.
    pub fn reborrow(&mut self) -> Environment<'_> {
        let Self { now, random, limits, deadline_exceeded, memory } = self;
        Environment {
            now: *now,
            random: &mut **random,
            limits: *limits,
            deadline_exceeded: *deadline_exceeded,
            memory: *memory,
        }
    }

    /// A meter with all limits unused.
    pub fn meter(&self) -> Meter<'e> {
        Meter::new(self.limits, self.deadline_exceeded).with_memory(self.memory)
    }
}

/// The state of a rendering, as functions see it.
pub struct Context<'e> {
    /// Counts what the rendering uses.
    pub meter: Meter<'e>,
    /// The source of randomness.
    pub random: &'e mut dyn CryptoRng,
    /// The current time.
    pub now: jiff::Timestamp,
    /// Whether the output depends on a function whose value differs each time.
    pub non_deterministic: bool,
    changed_maps: Vec<Map>,
    extensions: BTreeMap<TypeId, Box<dyn Any>>,
}

impl<'e> Context<'e> {
    /// A context with all limits unused.
    pub fn new(environment: Environment<'e>) -> Self {
        let Environment { now, random, limits, deadline_exceeded, memory } = environment;
        Self {
            meter: Meter::new(limits, deadline_exceeded).with_memory(memory),
            random,
            now,
            non_deterministic: false,
            changed_maps: Vec::new(),
            extensions: BTreeMap::new(),
        }
    }

    /// State that functions keep during one rendering, such as a cache: one value of each type.
    pub fn extension<T: Any + Default>(&mut self) -> &mut T {
        let extension = self.extensions.entry(TypeId::of::<T>()).or_insert_with(|| {
            let extension: Box<dyn Any> = Box::<T>::default();
            extension
        });
        extension.downcast_mut().expect("an extension has the type that it is stored under")
    }

    /// Empties `map` when the rendering ends. Functions call this before they change a map. A map
    /// that contains itself would never be freed, and the secrets in it would never be wiped.
    pub fn clear_at_end(&mut self, map: &Map) {
        self.changed_maps.push(map.clone());
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        for map in &self.changed_maps {
            map.clear();
        }
    }
}
