//! What a command does to the items of a file.

use manifests::Change;

/// Changes, and what to say about them.
pub(super) struct Edit {
    pub(super) changes: Vec<Change>,
    pub(super) notes: Vec<String>,
}
