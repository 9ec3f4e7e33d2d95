//! Regular expressions: Go's syntax and semantics, with the `regex` crate.

mod class;
mod engine;
mod haystack;
mod pattern;
mod replacement;
mod search;
mod translate;

pub use self::{haystack::Haystack, pattern::Pattern};
