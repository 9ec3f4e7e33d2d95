//! Numbers that print as names.

use std::fmt;

use super::{
    duration::Duration,
    format::{MONTHS, WEEKDAYS},
};

/// A number with a named type.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    /// `time.Duration`
    Duration(Duration),
    /// `time.Month`, from 1
    Month(i64),
    /// `time.Weekday`, from 0
    Weekday(i64),
}

impl Named {
    /// The kind beneath the type.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Duration(_) => "int64",
            Self::Month(_) | Self::Weekday(_) => "int",
        }
    }

    /// Another number of the type.
    pub(crate) fn with_number(self, number: i64) -> Self {
        match self {
            Self::Duration(_) => Self::Duration(Duration(number)),
            Self::Month(_) => Self::Month(number),
            Self::Weekday(_) => Self::Weekday(number),
        }
    }

    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Duration(duration) => duration.0,
            Self::Month(number) | Self::Weekday(number) => number,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |names: &[&'static str], index: i64| {
            usize::try_from(index).ok().and_then(|index| names.get(index).copied())
        };
        match self {
            Self::Duration(duration) => duration.fmt(f),
            Self::Month(number) => match name(&MONTHS, number.wrapping_sub(1)) {
                Some(name) => f.write_str(name),
                None => write!(f, "%!Month({number})"),
            },
            Self::Weekday(number) => match name(&WEEKDAYS, *number) {
                Some(name) => f.write_str(name),
                None => write!(f, "%!Weekday({number})"),
            },
        }
    }
}
