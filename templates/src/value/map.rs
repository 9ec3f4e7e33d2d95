//! Go's maps with string keys, in the order that Go's templates and `fmt` give them: sorted.

use std::{
    cell::{Ref, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
};

use super::Value;
use crate::text::Text;

/// A map. Clones share its entries.
#[derive(Clone)]
pub struct Map {
    entries: Rc<RefCell<BTreeMap<Text, Value>>>,
    kind: MapKind,
    nil: bool,
}

/// What a map holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MapKind {
    /// `interface {}`
    Any,
    /// `string`
    Strings,
}

impl MapKind {
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "map[string]interface {}",
            Self::Strings => "map[string]string",
        }
    }
}

impl Map {
    pub(crate) fn new(kind: MapKind, entries: BTreeMap<Text, Value>) -> Self {
        Self { entries: Rc::new(RefCell::new(entries)), kind, nil: false }
    }

    /// The nil map: empty, and nothing can be put into it.
    pub(crate) fn nil() -> Self {
        Self { nil: true, ..Self::new(MapKind::Any, BTreeMap::new()) }
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.nil
    }

    pub(crate) fn kind(&self) -> MapKind {
        self.kind
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries.borrow().get(key).cloned()
    }

    /// The entries. While they are borrowed, nothing may change the map.
    pub(crate) fn entries(&self) -> Ref<'_, BTreeMap<Text, Value>> {
        self.entries.borrow()
    }

    pub(crate) fn insert(&self, key: Text, value: Value) {
        self.entries.borrow_mut().insert(key, value);
    }

    pub(crate) fn remove(&self, key: &[u8]) {
        self.entries.borrow_mut().remove(key);
    }

    /// Empties the map. A map that holds itself would never be freed.
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
