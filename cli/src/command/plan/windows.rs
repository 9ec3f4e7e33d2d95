//! How often values are read whose object has sync windows.

use std::{collections::BTreeMap, time::Duration};

use crds::external_secret::SyncWindows;
use jiff::Timestamp;

/// Windows begin at multiples of this as a rule. A shorter one that begins in between is missed.
const STEP: Duration = Duration::from_mins(15);
const MONTHS: u64 = 12;
/// Twelve months of 30 days.
const STEPS: u64 = MONTHS * 30 * 24 * 4;
/// The year begins on a Friday, 2027-01-01.
const START: i64 = 1_798_761_600;

/// When windows are open in the course of a year, by their text.
#[derive(Default)]
pub(super) struct Openings(BTreeMap<String, Vec<bool>>);

impl Openings {
    /// How many times in a month of average length values are read that are due after each interval.
    pub(super) fn per_month(&mut self, windows: &SyncWindows, interval: Duration) -> u64 {
        let open = self.0.entry(format!("{windows:?}")).or_insert_with(|| open(windows));
        let (step, interval) = (STEP.as_millis(), interval.as_millis().max(1));
        let (mut reads, mut due) = (0_u128, 0_u128);
        let starts = (0..).map(|number| number * step);
        for (start, _) in starts.zip(&*open).filter(|(_, open)| **open) {
            // The first read comes when the window opens.
            due = due.max(start);
            let more = (start + step).saturating_sub(due).div_ceil(interval);
            reads += more;
            due += more * interval;
        }
        u64::try_from(reads).unwrap_or(u64::MAX).div_ceil(MONTHS)
    }
}

fn open(windows: &SyncWindows) -> Vec<bool> {
    let at = |step: u64| {
        Timestamp::from_second(START).ok()?.checked_add(STEP * u32::try_from(step).ok()?).ok()
    };
    (0..STEPS).map(|step| at(step).is_some_and(|at| !windows.are_closed(at))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn per_month(kind: &str, schedule: &str, duration: &str, interval: u64) -> u64 {
        let windows =
            json!({ "kind": kind, "windows": [{ "schedule": schedule, "duration": duration }] });
        let windows = serde_json::from_value(windows).unwrap();
        Openings::default().per_month(&windows, Duration::from_secs(interval))
    }

    #[test]
    fn values_are_read_at_their_interval_while_a_window_is_open() {
        assert_eq!(per_month("allow", "0 22 * * *", "4h", 3600), 4 * 30);
        assert_eq!(per_month("deny", "0 22 * * *", "4h", 3600), 20 * 30);
        assert_eq!(per_month("allow", "0 22 * * *", "4h", 60), 4 * 60 * 30);
    }

    #[test]
    fn values_that_are_due_are_read_when_the_window_opens() {
        assert_eq!(per_month("allow", "0 22 * * *", "10m", 6 * 3600), 30);
        assert_eq!(per_month("allow", "0 0 1 1 *", "1h", 3600), 1, "once a year");
        assert_eq!(per_month("allow", "@every 1h", "1h", 3600), 720, "always open");
    }
}
