//! The value of `--request-timeout`.

use std::time::Duration;

/// Seconds, or a duration of Go. None if the text is empty.
pub(super) fn parse(text: &str) -> Result<Option<Duration>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| crds::go_duration::parse(text)).map(Some).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_seconds_or_durations() {
        assert_eq!(parse("5"), Ok(Some(Duration::from_secs(5))));
        assert_eq!(parse("1m30s"), Ok(Some(Duration::from_secs(90))));
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("1d"), Err(()));
    }
}
