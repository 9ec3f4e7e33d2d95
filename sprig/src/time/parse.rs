//! Parses a time.

use jiff::{civil, tz};

use super::{
    format::{MONTHS, WEEKDAYS},
    layout::{Offset, Part, parts},
    moment::Time,
};

/// Parses a time in this layout. Parts that the layout omits get their earliest value.
pub(crate) fn parse(layout: &str, text: &str) -> Option<Time> {
    let mut reader = Reader { rest: text, ..Reader::default() };
    let parts = parts(layout);
    for (index, part) in parts.iter().enumerate() {
        reader.part(*part, parts.get(index + 1).copied())?;
    }
    if reader.rest.is_empty() { reader.time() } else { None }
}

#[derive(Default)]
struct Reader<'t> {
    rest: &'t str,
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    year_day: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    /// Whether the text has `PM`.
    half: Option<bool>,
    offset: Option<i32>,
    zone: Option<&'t str>,
    is_utc: bool,
}

impl<'t> Reader<'t> {
    fn part(&mut self, part: Part<'_>, next: Option<Part<'_>>) -> Option<()> {
        match part {
            Part::Literal(literal) => self.literal(literal)?,
            Part::LongMonth => self.month = Some(to_i8(self.word(&MONTHS, usize::MAX)? + 1)),
            Part::Month => self.month = Some(to_i8(self.word(&MONTHS, 3)? + 1)),
            Part::NumericMonth | Part::ZeroMonth => {
                self.month = Some(self.number(part == Part::ZeroMonth, 1..=12)?);
            }
            Part::LongWeekday => drop(self.word(&WEEKDAYS, usize::MAX)?),
            Part::Weekday => drop(self.word(&WEEKDAYS, 3)?),
            Part::Day | Part::SpaceDay | Part::ZeroDay => {
                if part == Part::SpaceDay {
                    self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                }
                self.day = Some(self.number(part == Part::ZeroDay, 0..=99)?);
            }
            Part::SpaceYearDay | Part::ZeroYearDay => {
                let mut width = 3;
                if part == Part::SpaceYearDay {
                    let spaces = self.rest.bytes().take(2).take_while(|byte| *byte == b' ').count();
                    self.rest = &self.rest[spaces..];
                    width = self.rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                }
                self.year_day = Some(self.digits(width)?.parse().ok()?);
            }
            Part::Hour => self.hour = self.number(false, 0..=23)?,
            Part::Hour12 | Part::ZeroHour12 => {
                self.hour = self.number(part == Part::ZeroHour12, 0..=12)?;
            }
            Part::Minute | Part::ZeroMinute => {
                self.minute = self.number(part == Part::ZeroMinute, 0..=59)?;
            }
            Part::Second | Part::ZeroSecond => {
                self.second = self.number(part == Part::ZeroSecond, 0..=59)?;
                // A fraction may follow, even if the layout has none.
                if !matches!(next, Some(Part::Fraction { .. })) {
                    self.optional_fraction();
                }
            }
            Part::LongYear => self.year = self.digits(4)?.parse().ok()?,
            Part::Year => {
                let year: i16 = self.digits(2)?.parse().ok()?;
                self.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Part::UpperHalf => self.half = Some(self.word(&["AM", "PM"], usize::MAX)? == 1),
            Part::LowerHalf => self.half = Some(self.word(&["am", "pm"], usize::MAX)? == 1),
            Part::ZoneName => self.zone_name()?,
            Part::Offset(form) => self.offset(form)?,
            Part::Fraction { digits, zeros: true, .. } => {
                let fraction = self.rest.strip_prefix(['.', ','])?;
                self.rest = fraction;
                let digits = self.digits(digits)?;
                self.nanosecond = nanoseconds(digits);
            }
            Part::Fraction { .. } => self.optional_fraction(),
        }
        Some(())
    }

    /// Spaces of the layout stand for any number of spaces.
    fn literal(&mut self, literal: &str) -> Option<()> {
        let mut literal = literal;
        while let Some(c) = literal.chars().next() {
            if c == ' ' {
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                literal = literal.trim_start_matches(' ');
                self.rest = self.rest.trim_start_matches(' ');
                continue;
            }
            literal = &literal[c.len_utf8()..];
            self.rest = self.rest.strip_prefix(c)?;
        }
        Some(())
    }

    /// Reads one of the words. Only their first letters count, and case is ignored.
    fn word(&mut self, words: &[&str], len: usize) -> Option<usize> {
        let is_here = |word: &&str| {
            let word = &word[..word.len().min(len)];
            let here = self.rest.get(..word.len());
            // `AM` and `PM` are matched with their case.
            here.is_some_and(|here| match word.len() {
                2 => here == word,
                _ => here.eq_ignore_ascii_case(word),
            })
        };
        let index = words.iter().position(is_here)?;
        self.rest = &self.rest[words[index].len().min(len)..];
        Some(index)
    }

    /// Exactly this many digits.
    fn digits(&mut self, count: usize) -> Option<&'t str> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
    }

    /// One digit or two; two if it is `padded`.
    fn number(&mut self, padded: bool, range: std::ops::RangeInclusive<i8>) -> Option<i8> {
        let is_digit = |at: usize| self.rest.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let len = if is_digit(1) || padded { 2 } else { 1 };
        self.digits(len)?.parse().ok().filter(|number| range.contains(number))
    }

    fn optional_fraction(&mut self) {
        let Some(fraction) = self.rest.strip_prefix(['.', ',']) else { return };
        let len = fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if len > 0 {
            self.nanosecond = nanoseconds(&fraction[..len]);
            self.rest = &fraction[len..];
        }
    }

    fn offset(&mut self, form: Offset) -> Option<()> {
        if form.z
            && let Some(rest) = self.rest.strip_prefix('Z')
        {
            self.rest = rest;
            self.is_utc = true;
            return Some(());
        }
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let mut seconds = 0;
        let units = [(true, 3600, 24), (form.minutes, 60, 60), (form.seconds, 1, 60)];
        for (index, (is_wanted, unit, most)) in units.into_iter().enumerate() {
            if is_wanted {
                if index > 0 && form.colons {
                    self.rest = self.rest.strip_prefix(':')?;
                }
                let number: i32 = self.digits(2)?.parse().ok()?;
                seconds += if number > most { return None } else { number * unit };
            }
        }
        self.offset = Some(if negative { -seconds } else { seconds });
        Some(())
    }

    fn zone_name(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix("UTC") {
            self.rest = rest;
            self.is_utc = true;
            return Some(());
        }
        let (name, rest) = self.rest.split_at(zone_name_len(self.rest)?);
        (self.zone, self.rest) = (Some(name), rest);
        Some(())
    }

    fn time(self) -> Option<Time> {
        let hour = match self.half {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let date = match self.year_day {
            Some(day) => {
                let first = civil::Date::new(self.year, 1, 1).ok()?;
                let date = first.with().day_of_year(day).build().ok()?;
                let agrees = self.month.is_none_or(|month| month == date.month())
                    && self.day.is_none_or(|day| day == date.day());
                agrees.then_some(date)?
            }
            None => {
                civil::Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?
            }
        };
        let time = civil::Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        let here = date.to_datetime(time);
        let at = |offset: i32| {
            let offset = tz::Offset::from_seconds(offset).ok()?;
            offset.to_timestamp(here).ok()
        };
        if self.is_utc {
            return at(0).map(Time::utc);
        }
        match (self.offset, self.zone) {
            (Some(0), None | Some("UTC")) | (None, None) => at(0).map(Time::local),
            (Some(offset), zone) => {
                Some(Time::fixed(at(offset)?, offset, zone.unwrap_or_default()))
            }
            (None, Some(zone)) => {
                let hours = zone.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok());
                let offset = hours.unwrap_or(0) * 3600;
                // Go ignores the offset here and reads the time as UTC.
                Some(Time::fixed(at(0)?, offset, zone))
            }
        }
    }
}

fn to_i8(number: usize) -> i8 {
    i8::try_from(number).unwrap_or(i8::MAX)
}

/// Digits after the point. Those beyond nanoseconds are ignored.
fn nanoseconds(digits: &str) -> i32 {
    format!("{digits:0<9}")[..9].parse().unwrap_or(0)
}

/// The length of the zone abbreviation at the start of the text: three to five letters, or an offset.
fn zone_name_len(text: &str) -> Option<usize> {
    let signed = |text: &str| {
        let digits = text.strip_prefix(['+', '-'])?;
        let len = digits.len() - digits.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let hours: u32 = digits[..len].parse().ok()?;
        (hours < 24).then_some(1 + len)
    };
    if text.starts_with("ChST") || text.starts_with("MeST") {
        return Some(4);
    }
    if let Some(offset) = text.strip_prefix("GMT") {
        return Some(3 + signed(offset).unwrap_or(0));
    }
    if text.starts_with(['+', '-']) {
        return signed(text);
    }
    let letters = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    match letters {
        3 => Some(3),
        4 if text[..4].ends_with('T') || text.starts_with("WITA") => Some(4),
        5 if text[..5].ends_with('T') => Some(5),
        _ => None,
    }
}
