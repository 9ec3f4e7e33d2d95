//! Go's engine and this crate render the corpora to the same bytes, and fail in the same phase.
//!
//! `tests/corpus` contains the templates and Go's answers.

mod corpus;
mod language;
mod limits;
