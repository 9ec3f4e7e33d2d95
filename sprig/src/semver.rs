//! Semantic versions and constraints on them, as Masterminds' library for Go understands them.

mod constraint;
mod object;
mod version;

pub(crate) use self::{constraint::Constraint, version::Version};
