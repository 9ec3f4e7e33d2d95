//! Go and this crate render the corpora to the same bytes, and fail in the same phase.
//!
//! `tests/corpus` contains the templates with the results of Go, Sprig and External Secrets, recorded
//! by `sprig/conformance/record`.

#[path = "../../../gotemplate/tests/conformance/corpus.rs"]
mod corpus;
mod crypto;
mod determinism;
mod dialects;
mod external;
mod generate;
mod generated;
mod limits;
mod mute;
mod recorded;
