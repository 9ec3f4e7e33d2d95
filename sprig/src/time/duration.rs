//! Durations: nanoseconds in 64 bits.

use std::fmt;

/// A duration.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Duration(pub(crate) i64);

pub(crate) const SECOND: u64 = 1_000_000_000;

impl Duration {
    /// Rounds to whole seconds, halves away from zero.
    pub(crate) fn round_to_seconds(self) -> Self {
        let second = i64::try_from(SECOND).unwrap_or(i64::MAX);
        let rest = self.0 % second;
        let down = self.0 - rest;
        Self(match rest {
            rest if 2 * rest >= second => down.saturating_add(second),
            rest if 2 * rest <= -second => down.saturating_sub(second),
            _ => down,
        })
    }

    /// In units of this many seconds: whole units and the rest separately, as in Go.
    pub(crate) fn in_units_of(self, seconds: i64) -> f64 {
        let unit = seconds * 1_000_000_000;
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// The largest unit of which the duration contains more than one, and their number. The sign is
    /// ignored.
    pub(crate) fn in_largest_unit(self) -> String {
        const UNITS: [(u64, &str); 6] = [
            (365 * 24 * 3600, "y"),
            (30 * 24 * 3600, "mo"),
            (24 * 3600, "d"),
            (3600, "h"),
            (60, "m"),
            (1, "s"),
        ];
        let magnitude = self.0.unsigned_abs();
        for (seconds, name) in UNITS {
            if magnitude > seconds * SECOND {
                return format!("{}{name}", magnitude / (seconds * SECOND));
            }
        }
        "0s".to_owned()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        if magnitude == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match magnitude {
            0..1_000 => return write!(f, "{magnitude}ns"),
            1_000..1_000_000 => return write!(f, "{}µs", decimal(magnitude, 3)),
            1_000_000..SECOND => return write!(f, "{}ms", decimal(magnitude, 6)),
            _ => {}
        }
        let minutes = magnitude / (60 * SECOND);
        if minutes >= 60 {
            write!(f, "{}h", minutes / 60)?;
        }
        if minutes > 0 {
            write!(f, "{}m", minutes % 60)?;
        }
        write!(f, "{}s", decimal(magnitude % (60 * SECOND), 9))
    }
}

/// A number with this many decimals, without trailing zeros.
fn decimal(number: u64, decimals: usize) -> String {
    let digits = format!("{number:0width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Parses a duration like `-1h2.5m`, in which each number has a unit. Returns `None` if it is
/// malformed or too long.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let negative = text.starts_with('-');
    if unsigned == "0" {
        return Some(Duration(0));
    }
    let mut rest = unsigned;
    let mut total = 0_u64;
    while !rest.is_empty() || total == 0 && rest.len() == unsigned.len() {
        let digits =
            |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (whole, after) = rest.split_at(digits(rest));
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(digits(after)),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let unit_len = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_len);
        let scale = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3600 * SECOND,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(scale)?)?;
        total = total.checked_add(part(fraction, scale))?;
        if total > 1 << 63 {
            return None;
        }
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (true, Ok(total)) => Some(Duration(-total)),
        (true, Err(_)) => Some(Duration(i64::MIN)),
        (false, total) => total.ok().map(Duration),
    }
}

/// `0.fraction × scale`, in floating point, as Go does. Digits that overflow do not count.
fn part(fraction: &str, scale: u64) -> u64 {
    let (mut value, mut unit) = (0_u64, 1.0_f64);
    for digit in fraction.bytes().map(|byte| u64::from(byte - b'0')) {
        let Some(next) = value.checked_mul(10).and_then(|v| v.checked_add(digit)) else { break };
        if next > 1 << 63 {
            break;
        }
        value = next;
        unit *= 10.0;
    }
    (value as f64 * (scale as f64 / unit)) as u64
}
