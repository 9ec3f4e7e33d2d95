//! `cargo xtask bench`: measurements. They print, and judge nothing.

mod objects;
mod process;
pub(crate) mod sync;
pub(crate) mod templates;
