//! When the values of an ExternalSecret are read: as External Secrets decides it.

use std::time::Duration;

use crds::{
    ExternalSecretSpec,
    external_secret::{CreationPolicy, RefreshPolicy, SyncWindows, WindowKind},
};
use jiff::Timestamp;

use super::cron::Schedule;
use crate::runtime::go_duration;

/// How often values are read if the object does not say it.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Due times are put together on marks this far apart at most, so that what is due together is read
/// together.
const MARK: Duration = Duration::from_secs(60);
/// How many windows an object may have, by its CRD; where another CRD is in force, no more are looked at.
const WINDOWS: usize = 100;
/// How often a closed window is looked at again.
const CLOSED: Duration = Duration::from_secs(30);

/// What is known of one object.
#[derive(Clone, Copy, Debug)]
pub struct State<'s> {
    /// The spec.
    pub spec: &'s ExternalSecretSpec,
    /// When its values were last read.
    pub refreshed: Option<Timestamp>,
    /// Whether it was this process that read them: then they are due a little early, together with
    /// others. What a status tells, External Secrets' too, is due not a second too early.
    pub is_own: bool,
    /// The version of the object that the Secret was made for.
    pub synced: Option<&'s str>,
    /// The version of the object.
    pub current: &'s str,
    /// Whether the Secret is there, and as it was written.
    pub is_valid: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Read the values now.
    Refresh,
    /// Look again after so long; never, until something changes.
    Wait(Option<Duration>),
}

/// What is due. `offset` spreads objects of different stores over a mark's length.
pub fn decide(state: State<'_>, offset: u64, now: Timestamp) -> Decision {
    let spec = state.spec;
    // What others change in a Secret that is nobody's is put right when values are read again.
    let is_valid = state.is_valid || spec.target.creation_policy == CreationPolicy::Orphan;
    let never_synced = state.synced.is_none() || state.refreshed.is_none();
    let changed = state.synced != Some(state.current);
    let interval = interval(spec);
    let is_due = match spec.refresh_policy {
        RefreshPolicy::CreatedOnce => never_synced,
        RefreshPolicy::OnChange => never_synced || changed,
        // Not even when the object changes: people rely on it.
        RefreshPolicy::Periodic if interval.is_zero() => state.synced.is_none(),
        RefreshPolicy::Periodic => never_synced || changed || state.refreshed > Some(now),
    };
    if is_due || !is_valid {
        return Decision::Refresh;
    }
    if spec.refresh_policy != RefreshPolicy::Periodic || interval.is_zero() {
        return Decision::Wait(None);
    }
    let Some(refreshed) = state.refreshed else { return Decision::Refresh };
    let due = due(refreshed, interval, offset, state.is_own);
    let left = due.duration_since(now);
    if left.is_positive() {
        return Decision::Wait(Some(left.unsigned_abs()));
    }
    if is_closed(spec.sync_windows.as_ref(), now) {
        return Decision::Wait(Some(CLOSED));
    }
    Decision::Refresh
}

/// How often values are read; zero: once.
pub fn interval(spec: &ExternalSecretSpec) -> Duration {
    spec.refresh_interval.as_deref().and_then(go_duration::parse).unwrap_or(INTERVAL)
}

/// When values are due again: at the last mark before the interval is over, or the first one after it.
fn due(refreshed: Timestamp, interval: Duration, offset: u64, is_before: bool) -> Timestamp {
    let at = u64::try_from(refreshed.as_millisecond()).unwrap_or_default();
    let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
    let mark = (interval / 10).min(u64::try_from(MARK.as_millis()).unwrap_or(u64::MAX)).max(1);
    let offset = offset % mark;
    let end = (at + interval).saturating_sub(offset);
    let marks = if is_before { end / mark } else { end.div_ceil(mark) };
    let due = marks * mark + offset;
    Timestamp::from_millisecond(i64::try_from(due).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
}

fn is_closed(windows: Option<&SyncWindows>, now: Timestamp) -> bool {
    let Some(windows) = windows else { return false };
    let is_open = |window: &crds::external_secret::Window| {
        let schedule = Schedule::parse(&window.schedule);
        let length = go_duration::parse(&window.duration);
        schedule.zip(length).is_some_and(|(schedule, length)| schedule.is_open(length, now))
    };
    let in_one = windows.windows.iter().take(WINDOWS).any(is_open);
    match windows.kind {
        WindowKind::Allow => !in_one && !windows.windows.is_empty(),
        WindowKind::Deny => in_one,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds_ago: i64) -> Timestamp {
        Timestamp::from_second(NOW - seconds_ago).unwrap()
    }

    fn spec(spec: serde_json::Value) -> ExternalSecretSpec {
        serde_json::from_value(spec).unwrap()
    }

    fn decided(
        of: &ExternalSecretSpec,
        synced: Option<&str>,
        ago: Option<i64>,
        valid: bool,
    ) -> Decision {
        let refreshed = ago.map(at);
        let state =
            State { spec: of, refreshed, is_own: true, synced, current: "2-x", is_valid: valid };
        decide(state, 0, at(0))
    }

    fn refreshes(
        of: serde_json::Value,
        synced: Option<&str>,
        ago: Option<i64>,
        valid: bool,
    ) -> bool {
        decided(&spec(of), synced, ago, valid) == Decision::Refresh
    }

    #[test]
    fn periodic_objects_are_read_when_new_changed_due_or_damaged() {
        let one = || json!({ "refreshInterval": "1h" });
        assert!(refreshes(one(), None, None, false));
        assert!(refreshes(one(), Some("1-x"), Some(5), true));
        assert!(refreshes(one(), Some("2-x"), Some(3601), true));
        assert!(refreshes(one(), Some("2-x"), Some(5), false));
        assert!(refreshes(one(), Some("2-x"), Some(-60), true), "a time to come is none");
        assert!(!refreshes(one(), Some("2-x"), Some(5), true));
    }

    #[test]
    fn with_no_interval_values_are_read_once_whatever_changes() {
        for interval in ["0", "0s"] {
            let once = || json!({ "refreshInterval": interval });
            assert!(refreshes(once(), None, None, false));
            assert!(!refreshes(once(), Some("1-x"), Some(99_999), true));
            assert!(
                refreshes(once(), Some("1-x"), Some(5), false),
                "but a damaged Secret is mended"
            );
        }
    }

    #[test]
    fn the_other_policies_do_not_look_at_the_time() {
        let on_change = || json!({ "refreshPolicy": "OnChange" });
        assert!(!refreshes(on_change(), Some("2-x"), Some(99_999), true));
        assert!(refreshes(on_change(), Some("1-x"), Some(5), true));
        let once = || json!({ "refreshPolicy": "CreatedOnce" });
        assert!(!refreshes(once(), Some("1-x"), Some(99_999), true));
        assert!(refreshes(once(), None, None, true));
    }

    #[test]
    fn what_others_do_to_an_orphan_waits_for_the_next_time() {
        let orphan = json!({ "target": { "creationPolicy": "Orphan" } });
        assert!(!refreshes(orphan, Some("2-x"), Some(5), false));
    }

    #[test]
    fn due_times_come_together_on_marks() {
        let hour = Duration::from_secs(3600);
        let times: std::collections::BTreeSet<_> =
            (0..60).map(|second| due(at(second), hour, 7, true).as_second()).collect();
        assert!(times.len() <= 2, "{times:?}");
        for second in 0..600 {
            for (interval, mark) in [(3600, 60), (60, 6), (5, 1)] {
                let end = at(second).as_second() + interval;
                let interval = Duration::from_secs(interval.unsigned_abs());
                let own = due(at(second), interval, 13, true).as_second();
                assert!(own <= end && own >= end - mark - 1, "{second} {own} {end}");
                let told = due(at(second), interval, 13, false).as_second();
                assert!(told >= end && told <= end + mark + 1, "{second} {told} {end}");
            }
        }
    }

    #[test]
    fn windows_hold_back_only_what_is_due_by_time() {
        let closed = json!({ "kind": "allow", "windows": [] });
        let window = json!([{ "schedule": "@every 1h", "duration": "2h" }]);
        let allow = json!({ "kind": "allow", "windows": window });
        let deny = json!({ "kind": "deny", "windows": window });
        let due = |windows: serde_json::Value, synced| {
            refreshes(json!({ "syncWindows": windows }), Some(synced), Some(9999), true)
        };
        assert!(due(closed, "2-x"), "no windows hold nothing back");
        assert!(due(allow, "2-x"));
        assert!(!due(deny.clone(), "2-x"));
        assert!(due(deny, "1-x"));
    }
}
