//! Layouts: Go's reference time, Mon Jan 2 15:04:05 MST 2006.

/// A part of a layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part<'l> {
    /// Literal text.
    Literal(&'l str),
    LongMonth,
    Month,
    NumericMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    SpaceDay,
    ZeroDay,
    SpaceYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(Offset),
    /// This many digits of the second, after a point or comma.
    Fraction {
        digits: usize,
        comma: bool,
        zeros: bool,
    },
}

/// The notation of an offset from UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Offset {
    /// `Z` for UTC.
    pub(super) z: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// The parts of a layout.
pub(super) fn parts(layout: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while at < layout.len() {
        if let Some((part, len)) = part(&layout[at..]) {
            if literal < at {
                parts.push(Part::Literal(&layout[literal..at]));
            }
            parts.push(part);
            at += len;
            literal = at;
        } else {
            // `_2006` is an underscore and a year.
            at += layout[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    if literal < layout.len() {
        parts.push(Part::Literal(&layout[literal..]));
    }
    parts
}

/// Longer ones come before their own prefixes.
const WORDS: [(&str, Part<'_>); 34] = [
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::ZoneName),
    ("002", Part::ZeroYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("1", Part::NumericMonth),
    ("2006", Part::LongYear),
    ("2", Part::Day),
    ("__2", Part::SpaceYearDay),
    ("_2", Part::SpaceDay),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
    ("PM", Part::UpperHalf),
    ("pm", Part::LowerHalf),
    ("-070000", offset(*b"--ms")),
    ("-07:00:00", offset(*b"-:ms")),
    ("-0700", offset(*b"--m-")),
    ("-07:00", offset(*b"-:m-")),
    ("-07", offset(*b"----")),
    ("Z070000", offset(*b"z-ms")),
    ("Z07:00:00", offset(*b"z:ms")),
    ("Z0700", offset(*b"z-m-")),
    ("Z07:00", offset(*b"z:m-")),
    ("Z07", offset(*b"z---")),
    // These count only if no small letter follows.
    ("Jan", Part::Month),
    ("Mon", Part::Weekday),
    ("", Part::Literal("")),
];

/// The format's letters: `z`, a colon, `m` for minutes, `s` for seconds.
const fn offset(form: [u8; 4]) -> Part<'static> {
    Part::Offset(Offset {
        z: form[0] == b'z',
        colons: form[1] == b':',
        minutes: form[2] == b'm',
        seconds: form[3] == b's',
    })
}

/// The part that `text` begins with, unless that is a literal, and its length.
fn part(text: &str) -> Option<(Part<'_>, usize)> {
    let may_begin = |c: char| "JM0123456_Pp-Z.,".contains(c);
    if !text.starts_with(may_begin) || text.starts_with("_2006") {
        return None;
    }
    if let Some(rest) = text.strip_prefix(['.', ',']) {
        let digit = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
        let digits = rest.len() - rest.trim_start_matches(digit).len();
        if rest[digits..].starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let (comma, zeros) = (text.starts_with(','), digit == '0');
        return Some((Part::Fraction { digits, comma, zeros }, 1 + digits));
    }
    let (word, part) = WORDS.iter().find(|(word, _)| text.starts_with(word))?;
    let is_abbreviation = matches!(part, Part::Month | Part::Weekday);
    let goes_on = text[word.len()..].starts_with(|c: char| c.is_ascii_lowercase());
    if word.is_empty() || (is_abbreviation && goes_on) {
        return None;
    }
    Some((*part, word.len()))
}
