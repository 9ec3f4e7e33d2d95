//! `cargo xtask bench`: measurements. They print, and judge nothing.

pub(crate) mod aws;
mod objects;
mod process;
pub(crate) mod sync;
pub(crate) mod templates;
