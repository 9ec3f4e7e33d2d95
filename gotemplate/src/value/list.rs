//! Go's slices: windows into a shared array.

use std::{
    cell::{Ref, RefCell},
    fmt,
    rc::Rc,
};

use super::dynamic::Value;

/// A slice. Its subslices share its array, up to its capacity.
#[derive(Clone)]
pub struct List {
    array: Rc<RefCell<Vec<Value>>>,
    start: usize,
    len: usize,
    capacity: usize,
    element: Element,
    nil: bool,
}

/// The type of the items of a slice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Element {
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
    /// A slice of `items`, without spare capacity.
    pub fn new(element: Element, items: Vec<Value>) -> Self {
        let len = items.len();
        let array = Rc::new(RefCell::new(items));
        Self { array, start: 0, len, capacity: len, element, nil: false }
    }

    /// The nil slice.
    pub fn nil(element: Element) -> Self {
        Self { nil: true, ..Self::new(element, Vec::new()) }
    }

    /// A slice with the capacity that Go's `append` gives when it adds one item at a time. Templates can
    /// observe it, because `slice` may reach beyond the length.
    pub fn grown(mut items: Vec<Value>) -> Self {
        let len = items.len();
        items.resize(grown_capacity(len), Value::Nil);
        Self { len, ..Self::new(Element::Any, items) }
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is the nil slice.
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The capacity: the maximum length of a subslice.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The type of its items.
    pub fn element(&self) -> Element {
        self.element
    }

    /// The name of its type in Go.
    pub fn type_name(&self) -> &'static str {
        match self.element {
            Element::Any => "[]interface {}",
            Element::Text => "[]string",
            Element::Int => "[]int",
            Element::List => "[][]interface {}",
        }
    }

    /// The item at `index`.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.items().get(index).cloned()
    }

    /// The items. While they are borrowed, no list may be changed.
    pub fn items(&self) -> Ref<'_, [Value]> {
        Ref::map(self.array.borrow(), |array| &array[self.start..self.start + self.len])
    }

    /// A copy of the items.
    pub fn to_vec(&self) -> Vec<Value> {
        self.items().to_vec()
    }

    /// Go's `x[start:end:max]`: none if not `start <= end <= max <= capacity`.
    pub fn slice(&self, start: usize, end: usize, max: usize) -> Option<Self> {
        (start <= end && end <= max && max <= self.capacity).then(|| Self {
            start: self.start + start,
            len: end - start,
            capacity: max - start,
            ..self.clone()
        })
    }

    /// Sorts in place. All slices that share the array see the new order.
    pub fn sort_by_key<K: Ord>(&self, key: impl FnMut(&Value) -> K) {
        self.array.borrow_mut()[self.start..self.start + self.len].sort_by_key(key);
    }

    /// A slice of the same type with other items.
    #[must_use]
    pub fn with_items(&self, items: Vec<Value>) -> Self {
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

/// The capacity of a slice of interfaces after `len` items were appended one by one.
fn grown_capacity(len: usize) -> usize {
    let mut capacity = usize::from(len > 0);
    while capacity < len {
        capacity = if capacity < 256 { 2 * capacity } else { size_class(capacity) };
    }
    capacity
}

/// Above 256 items, growth slows down and follows the allocator's size classes. Each entry is a capacity
/// that Go 1.26 grows to. Larger slices grow by a quarter.
fn size_class(capacity: usize) -> usize {
    const SEEN: [usize; 9] = [256, 512, 848, 1280, 1792, 2560, 3408, 5120, 7168];
    SEEN.into_iter().find(|seen| *seen > capacity).unwrap_or(capacity + capacity / 4 + 192)
}
