//! Schedules of sync windows: five cron fields in UTC, macros such as `@daily`, or `@every 1h`.

use std::{ops::RangeInclusive, time::Duration};

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::go_duration;

/// When windows begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Schedule {
    /// `@every`: at a fixed interval.
    Every(Duration),
    /// At the times that match.
    Fields(Fields),
}

/// The matching values of each field, as bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether both the day of the month and the weekday must match. Otherwise one is enough.
    requires_both_days: bool,
}

/// The search for the start of a window goes back day by day, so windows need a limit.
const MAX_WINDOW_DAYS: u64 = 366;
const MINUTES_PER_DAY: i16 = 24 * 60;

const MONTH_NAMES: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAY_NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Parses a schedule.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(every) = text.strip_prefix("@every ") {
            let every = go_duration::parse(every.trim())?;
            return (!every.is_zero()).then_some(Self::Every(every));
        }
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            text => text,
        };
        let parts: Vec<_> = fields.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts.try_into().ok()?;
        let is_any = |field: &str| field.starts_with('*') || field.starts_with('?');
        Some(Self::Fields(Fields {
            minutes: parse_field(minutes, 0..=59, &[])?,
            hours: parse_field(hours, 0..=23, &[])?,
            days: parse_field(days, 1..=31, &[])?,
            months: parse_field(months, 1..=12, &MONTH_NAMES)?,
            weekdays: parse_field(weekdays, 0..=6, &WEEKDAY_NAMES)?,
            requires_both_days: is_any(days) || is_any(weekdays),
        }))
    }

    /// Whether a window of this length is open, which means that one began less than `length` ago.
    pub fn is_open(&self, length: Duration, now: Timestamp) -> bool {
        let fields = match self {
            Self::Every(every) => return *every <= length,
            Self::Fields(fields) => fields,
        };
        let now = now.to_zoned(TimeZone::UTC).datetime();
        let length = length.min(Duration::from_hours(24 * MAX_WINDOW_DAYS));
        let start = fields.last_start(now);
        start.is_some_and(|start| now.duration_since(start).unsigned_abs() < length)
    }
}

impl Fields {
    fn last_start(&self, now: DateTime) -> Option<DateTime> {
        let mut date = now.date();
        let mut last_minute = i16::from(now.hour()) * 60 + i16::from(now.minute());
        for _ in 0..=MAX_WINDOW_DAYS {
            let is_start =
                |minute: &i16| has(self.hours, minute / 60) && has(self.minutes, minute % 60);
            if self.matches_day(date)
                && let Some(minute) = (0..=last_minute).rev().find(is_start)
            {
                return date.at(0, 0, 0, 0).checked_add(i64::from(minute).minutes()).ok();
            }
            date = date.yesterday().ok()?;
            last_minute = MINUTES_PER_DAY - 1;
        }
        None
    }

    fn matches_day(&self, date: Date) -> bool {
        let day = has(self.days, date.day().into());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset().into());
        let is_day = if self.requires_both_days { day && weekday } else { day || weekday };
        is_day && has(self.months, date.month().into())
    }
}

fn has(bits: u64, value: i16) -> bool {
    bits & (1 << value) != 0
}

/// Parses a field: `*`, `*/5`, `1-5`, `mon-fri`, or a list of these such as `1,3-5`.
fn parse_field(field: &str, allowed: RangeInclusive<usize>, names: &[&str]) -> Option<u64> {
    let (min, max) = (*allowed.start(), *allowed.end());
    let number = |text: &str| {
        let by_name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = by_name.map(|index| index + min).or_else(|| text.parse().ok());
        number.filter(|number| allowed.contains(number))
    };
    let mut bits = 0;
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step = step.parse().ok().filter(|step| *step > 0)?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (min, max),
            Some((from, to)) => (number(from)?, number(to)?),
            None if part.contains('/') => (number(range)?, max),
            None => (number(range)?, number(range)?),
        };
        if from > to {
            return None;
        }
        bits |= (from..=to).step_by(step).fold(0, |bits, value| bits | 1 << value);
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_open(schedule: &str, length: &str, now: &str) -> bool {
        let length = go_duration::parse(length).unwrap();
        Schedule::parse(schedule).unwrap().is_open(length, now.parse().unwrap())
    }

    #[test]
    fn window_is_open_from_its_start_for_its_length() {
        for (now, open) in [
            ("2026-11-24T21:59:59Z", false),
            ("2026-11-24T22:00:00Z", true),
            ("2026-11-25T01:59:59Z", true),
            ("2026-11-25T02:00:00Z", false),
        ] {
            assert_eq!(is_open("0 22 * * *", "4h", now), open, "{now}");
        }
        // This is a Tuesday.
        assert!(is_open("30 8 * * mon-fri", "10m", "2026-11-24T08:35:00Z"));
        assert!(!is_open("30 8 * * 0,6", "10m", "2026-11-24T08:35:00Z"));
        assert!(is_open("*/15 * * * *", "1m", "2026-11-24T08:45:30Z"));
        assert!(!is_open("*/15 * * * *", "1m", "2026-11-24T08:46:00Z"));
        assert!(is_open("0 0 24 * 1", "1h", "2026-11-24T00:10:00Z"), "either day is enough");
        assert!(is_open("@daily", "1h", "2026-11-24T00:10:00Z"));
        assert!(is_open("@every 1h", "1h", "2026-11-24T00:10:00Z"));
        assert!(!is_open("@every 2h", "1h", "2026-11-24T00:10:00Z"));
    }

    #[test]
    fn windows_may_last_longer_than_a_week() {
        let freeze = |at| is_open("0 0 20 12 *", "336h", at);
        assert!(freeze("2026-12-20T00:00:00Z"));
        assert!(freeze("2027-01-02T23:59:59Z"));
        assert!(!freeze("2027-01-03T00:00:00Z"));
        assert!(!freeze("2026-12-19T23:59:59Z"));
        assert!(is_open("30 12 * * mon", "168h", "2026-11-28T00:00:00Z"));
        assert!(!is_open("0 0 31 2 *", "999999h", "2026-11-28T00:00:00Z"));
    }

    #[test]
    fn invalid_schedules_are_rejected() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@never",
            "@every 0s",
            "x * * * *",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
    }
}
