//! Go's engine and this crate render the corpora to the same bytes, and fail in the same phase.
//!
//! `tests/corpus` holds the templates and the answers of Go.

mod corpus;
mod language;
mod limits;
