//! What the functions of Go's text/template do.

pub(super) mod compare;
pub(super) mod escape;
pub(super) mod index;
pub(super) mod print;
