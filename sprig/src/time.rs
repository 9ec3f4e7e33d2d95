//! Times and durations, as Go's package time has them. The local zone is UTC.

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
