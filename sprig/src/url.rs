//! URLs, read and written as in Go's net/url.

mod escape;
mod parse;
mod parts;

pub(crate) use self::{parse::parse, parts::Url};
