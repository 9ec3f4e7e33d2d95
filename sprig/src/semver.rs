//! Semantic versions and constraints on them, with the rules of Masterminds' library for Go.

mod constraint;
mod object;
mod version;

pub(crate) use self::{constraint::Constraint, version::Version};
