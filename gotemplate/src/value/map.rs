//! Go's maps with string keys, sorted, as Go's templates and `fmt` print them.

use std::{
    cell::{Ref, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use super::dynamic::Value;
use crate::text::Text;

/// A map. Clones share its entries.
#[derive(Clone)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Text, Value>>>,
    kind: MapKind,
    nil: bool,
}

/// The type of the values of a map.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MapKind {
    /// `interface {}`
    Any,
    /// `string`
    Strings,
}

impl MapKind {
    /// The name of the map's type in Go.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any => "map[string]interface {}",
            Self::Strings => "map[string]string",
        }
    }
}

impl Map {
    /// A map with these entries.
    pub fn new(kind: MapKind, entries: BTreeMap<Text, Value>) -> Self {
        Self { entries: Rc::new(RefCell::new(entries)), kind, nil: false }
    }

    /// The nil map, which is empty.
    pub fn nil() -> Self {
        Self { nil: true, ..Self::new(MapKind::Any, BTreeMap::new()) }
    }

    /// Whether it is the nil map.
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The type of its values.
    pub fn kind(&self) -> MapKind {
        self.kind
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// The entries. While they are borrowed, the map must not be changed.
    pub fn entries(&self) -> Ref<'_, BTreeMap<Text, Value>> {
        self.entries.borrow()
    }

    /// Sets the value of `key`. A function that does this calls
    /// [`Context::clear_at_end`](crate::Context::clear_at_end) first.
    pub fn insert(&self, key: Text, value: Value) {
        self.entries.borrow_mut().insert(key, value);
    }

    /// Removes the entry of `key`.
    pub fn remove(&self, key: &[u8]) {
        self.entries.borrow_mut().remove(key);
    }

    /// Empties the map. A map that contains itself would never be freed.
    pub(crate) fn clear(&self) {
        // Dropped after the borrow ends: dropping a value may drop this map.
        let entries = std::mem::take(&mut *self.entries.borrow_mut());
        drop(entries);
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} entries)", self.len())
    }
}
