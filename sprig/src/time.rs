//! Times and durations, as in Go's package time. The local zone is UTC.

mod duration;
mod format;
mod layout;
mod moment;
mod named;
mod object;
mod parse;

pub(crate) use self::{
    duration::{Duration, parse_duration},
    moment::Time,
    named::Named,
    object::TIME,
    parse::parse,
};
