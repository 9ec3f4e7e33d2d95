//! The result of a command: changes of items, and notes.

use manifests::Change;

/// Changes, and what to say about them.
pub(super) struct Edit {
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}
