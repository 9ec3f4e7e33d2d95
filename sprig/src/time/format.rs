//! Formats a time.

use std::fmt::{self, Write as _};

use jiff::civil::DateTime;

use super::{
    layout::{Offset, Part, parts},
    moment::Time,
};

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Time {
    /// The time in this layout.
    pub(crate) fn format(&self, layout: &str) -> String {
        let (mut text, now) = (String::new(), self.civil());
        for part in parts(layout) {
            // Writing to a string does not fail.
            let _ = self.write(&mut text, part, now);
        }
        text
    }

    /// The number of the day of the week; Sunday is 0.
    pub(crate) fn weekday(&self) -> i64 {
        i64::from(self.civil().weekday().to_sunday_zero_offset())
    }

    fn write(&self, text: &mut String, part: Part<'_>, now: DateTime) -> fmt::Result {
        let month = MONTHS[usize::from(now.month().unsigned_abs()) - 1];
        let weekday = WEEKDAYS[now.weekday().to_sunday_zero_offset().unsigned_abs() as usize];
        let hour12 = if now.hour() % 12 == 0 { 12 } else { now.hour() % 12 };
        match part {
            Part::Literal(literal) => text.write_str(literal),
            Part::LongMonth => text.write_str(month),
            Part::Month => text.write_str(&month[..3]),
            Part::NumericMonth => write!(text, "{}", now.month()),
            Part::ZeroMonth => write!(text, "{:02}", now.month()),
            Part::LongWeekday => text.write_str(weekday),
            Part::Weekday => text.write_str(&weekday[..3]),
            Part::Day => write!(text, "{}", now.day()),
            Part::SpaceDay => write!(text, "{:2}", now.day()),
            Part::ZeroDay => write!(text, "{:02}", now.day()),
            Part::SpaceYearDay => write!(text, "{:3}", now.day_of_year()),
            Part::ZeroYearDay => write!(text, "{:03}", now.day_of_year()),
            Part::Hour => write!(text, "{:02}", now.hour()),
            Part::Hour12 => write!(text, "{hour12}"),
            Part::ZeroHour12 => write!(text, "{hour12:02}"),
            Part::Minute => write!(text, "{}", now.minute()),
            Part::ZeroMinute => write!(text, "{:02}", now.minute()),
            Part::Second => write!(text, "{}", now.second()),
            Part::ZeroSecond => write!(text, "{:02}", now.second()),
            Part::LongYear if now.year() < 0 => write!(text, "-{:04}", now.year().unsigned_abs()),
            Part::LongYear => write!(text, "{:04}", now.year()),
            Part::Year => write!(text, "{:02}", now.year().unsigned_abs() % 100),
            Part::UpperHalf => text.write_str(if now.hour() >= 12 { "PM" } else { "AM" }),
            Part::LowerHalf => text.write_str(if now.hour() >= 12 { "pm" } else { "am" }),
            Part::ZoneName => match self.offset() {
                (_, name) if !name.is_empty() => text.write_str(&name),
                (offset, _) => write_zone(text, offset),
            },
            Part::Offset(form) => write_offset(text, self.offset().0, form),
            Part::Fraction { digits, comma, zeros } => {
                let all = format!("{:09}", now.subsec_nanosecond());
                let mut shown = all.get(..digits).unwrap_or(&all);
                if !zeros {
                    shown = shown.trim_end_matches('0');
                    if shown.is_empty() {
                        return Ok(());
                    }
                }
                let point = if comma { ',' } else { '.' };
                write!(text, "{point}{shown:0<width$}", width = if zeros { digits } else { 0 })
            }
        }
    }
}

/// A zone without a name: its hours and minutes.
fn write_zone(text: &mut String, offset: i32) -> fmt::Result {
    let minutes = offset.unsigned_abs() / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    write!(text, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

fn write_offset(text: &mut String, offset: i32, form: Offset) -> fmt::Result {
    if form.z && offset == 0 {
        return text.write_char('Z');
    }
    let seconds = offset.unsigned_abs();
    let colon = if form.colons { ":" } else { "" };
    write!(text, "{}{:02}", if offset < 0 { '-' } else { '+' }, seconds / 3600)?;
    if form.minutes {
        write!(text, "{colon}{:02}", seconds / 60 % 60)?;
    }
    if form.seconds {
        write!(text, "{colon}{:02}", seconds % 60)?;
    }
    Ok(())
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}
