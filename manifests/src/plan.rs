//! The changes of one mapping.

use std::collections::{BTreeMap, BTreeSet};

/// The changes of the entries of a mapping.
#[derive(Default)]
pub(crate) struct Plan {
    /// Values by the index of their entry.
    pub(crate) replaced: BTreeMap<usize, String>,
    pub(crate) renamed: BTreeMap<usize, String>,
    pub(crate) removed: BTreeSet<usize>,
    /// New entries, by the index of the kept entry that they follow.
    pub(crate) added: BTreeMap<Option<usize>, Vec<(String, String)>>,
}
