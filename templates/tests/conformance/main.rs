//! What Go renders, ours renders: byte for byte, and errors in the same phase.
//!
//! The corpora are in `tests/corpus`, with the answers of Go's own engine and of Sprig, which
//! `templates/conformance/record` writes into them.

mod corpus;
mod crypto;
mod determinism;
mod external;
mod generate;
mod generated;
mod limits;
mod mute;
mod recorded;
