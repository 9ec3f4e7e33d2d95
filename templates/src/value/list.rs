//! Go's slices: a window on a shared array.

use std::{
    cell::{Ref, RefCell},
    fmt,
    rc::Rc,
};

use super::Value;

/// A slice. Those that were cut from it share its array, up to its capacity.
#[derive(Clone)]
pub struct List {
    array: Rc<RefCell<Vec<Value>>>,
    start: usize,
    len: usize,
    capacity: usize,
    element: Element,
    nil: bool,
}

/// What a slice holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Element {
    /// `interface {}`
    Any,
    /// `string`
    Text,
    /// `int`
    Int,
    /// `[]interface {}`
    List,
}

impl List {
    pub(crate) fn new(element: Element, items: Vec<Value>) -> Self {
        let len = items.len();
        let array = Rc::new(RefCell::new(items));
        Self { array, start: 0, len, capacity: len, element, nil: false }
    }

    /// The nil slice.
    pub(crate) fn nil(element: Element) -> Self {
        Self { nil: true, ..Self::new(element, Vec::new()) }
    }

    /// With the capacity that Go's `append` gives, one item at a time. One can see it: `slice` may
    /// reach behind the length.
    pub(crate) fn grown(mut items: Vec<Value>) -> Self {
        let len = items.len();
        items.resize(grown_capacity(len), Value::Nil);
        Self { len, ..Self::new(Element::Any, items) }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_nil(&self) -> bool {
        self.nil
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn element(&self) -> Element {
        self.element
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self.element {
            Element::Any => "[]interface {}",
            Element::Text => "[]string",
            Element::Int => "[]int",
            Element::List => "[][]interface {}",
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Value> {
        self.items().get(index).cloned()
    }

    /// The items. While they are borrowed, nothing may change a list.
    pub(crate) fn items(&self) -> Ref<'_, [Value]> {
        Ref::map(self.array.borrow(), |array| &array[self.start..self.start + self.len])
    }

    pub(crate) fn to_vec(&self) -> Vec<Value> {
        self.items().to_vec()
    }

    /// Go's `x[start:end:max]`: none if not `start <= end <= max <= capacity`.
    pub(crate) fn slice(&self, start: usize, end: usize, max: usize) -> Option<Self> {
        (start <= end && end <= max && max <= self.capacity).then(|| Self {
            start: self.start + start,
            len: end - start,
            capacity: max - start,
            ..self.clone()
        })
    }

    /// Sorts in place: whoever shares the array sees it.
    pub(crate) fn sort_by_key<K: Ord>(&self, key: impl FnMut(&Value) -> K) {
        self.array.borrow_mut()[self.start..self.start + self.len].sort_by_key(key);
    }

    /// A slice of the same type with other items.
    pub(crate) fn with_items(&self, items: Vec<Value>) -> Self {
        Self { nil: self.nil, ..Self::new(self.element, items) }
    }

    pub(super) fn map_backing(&self, change: impl FnMut(&Value) -> Value) -> Self {
        let copy = self.array.borrow().iter().map(change).collect();
        Self { array: Rc::new(RefCell::new(copy)), ..self.clone() }
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({} items)", self.len)
    }
}

/// What the capacity of a slice of interfaces comes to, `len` items having been appended singly.
fn grown_capacity(len: usize) -> usize {
    let mut capacity = usize::from(len > 0);
    while capacity < len {
        capacity = if capacity < 256 { 2 * capacity } else { size_class(capacity) };
    }
    capacity
}

/// Above 256 items growth slows down, and the allocator's size classes show. Each entry is a capacity
/// that Go 1.26 was seen to grow to; the last grow by a quarter.
fn size_class(capacity: usize) -> usize {
    const SEEN: [usize; 9] = [256, 512, 848, 1280, 1792, 2560, 3408, 5120, 7168];
    SEEN.into_iter().find(|seen| *seen > capacity).unwrap_or(capacity + capacity / 4 + 192)
}
