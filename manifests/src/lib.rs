//! Edits the items of SealedSecrets in YAML and JSON. Comments, order, indentation, line endings, anchors
//! and all other documents stay as they are.
//!
//! Text goes in, text comes out. The crate opens no file, has no Kubernetes client and sees only
//! ciphertexts, so a page in a browser can use it too.
//!
//! ```text
//! text ─ yaml, json ─▶ Tree (nodes with byte spans) ─ find, path ─▶ Place (one mapping of items)
//!                                                                       │ Change…
//! text ◀─ verify: parse again, compare with the expected data ◀─ splice ◀─ block, flow
//! ```
//!
//! | module | content |
//! |---|---|
//! | `tree` | nodes with their byte spans |
//! | `yaml`, `json`, `template` | text into a tree; actions of Helm templates count as comments or text |
//! | `find`, `path` | SealedSecrets, and mappings by their path |
//! | `identity` | the name, namespace and scope that a SealedSecret states |
//! | `edit`, `plan` | changes into splices; `block` and `flow` for the two styles of mappings |
//! | `verify` | compares the result with the expected data |
//!
//! An edit that would change anything else is an error: see [`EditError`].

mod block;
mod edit;
mod error;
mod find;
mod flow;
mod identity;
mod json;
mod lines;
mod path;
mod plan;
mod scalar;
mod splice;
mod template;
mod tree;
mod verify;
mod yaml;

pub use crate::{
    edit::Change,
    error::{EditError, Problem},
    find::{Identity, Item, Manifest, Place},
    path::{MalformedPath, Path},
};
