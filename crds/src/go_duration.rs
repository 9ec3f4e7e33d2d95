//! Durations in Go's notation.

use std::time::Duration;

/// Parses `1h30m`, `1.5h`, `300ms` or `0`. None if the text is invalid, negative or longer than
/// 290 years.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanoseconds = 0_f64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        nanoseconds += number * unit;
        rest = &rest[end..];
    }
    if text.is_empty() || nanoseconds > 9.2e18 {
        return None;
    }
    Duration::try_from_secs_f64(nanoseconds / 1e9).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_parsed() {
        let seconds = |text| parse(text).map(|duration| duration.as_secs_f64());
        assert_eq!(seconds("1h0m0s"), Some(3600.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("1.5h"), Some(5400.0));
        assert_eq!(seconds("300ms"), Some(0.3));
        assert_eq!(seconds("0"), Some(0.0));
        assert_eq!(seconds("0s"), Some(0.0));
        for text in ["", "1", "-1h", "h", "1d", "1h1", "x", "99999999999h"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
