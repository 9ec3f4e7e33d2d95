//! URLs, as Go's net/url reads and writes them.

mod escape;
mod parse;
mod parts;

pub(crate) use self::{parse::parse, parts::Url};
