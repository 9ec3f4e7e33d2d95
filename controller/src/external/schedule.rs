//! When the values of an ExternalSecret are due to be read, by External Secrets' rules.

use std::time::Duration;

use crds::{
    ExternalSecretSpec,
    external_secret::{CreationPolicy, RefreshPolicy},
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::index::ExternalSecretEntry;
pub(super) use super::spec::interval;
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::go_duration,
};

/// How often values are read whose changes arrive by events: proof that none was missed.
const PROOF_INTERVAL: Duration = Duration::from_hours(24);
/// The longest distance between two ticks. Due times are moved to ticks, so that values that are due at
/// about the same time are read in the same batch.
const MAX_TICK: Duration = Duration::from_secs(60);
/// How long to wait before a closed window is checked again.
const CLOSED_WINDOW_RETRY: Duration = Duration::from_secs(30);

const DAY_SECONDS: i64 = 24 * 3600;
/// The times of day at which values are read although nothing shows that they have changed.
const READ_SLOTS: u64 = 144;
const READ_SLOT_SECONDS: u64 = 600;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Due {
    Now,
    /// Only the interval has passed.
    Expired,
    /// Check again after this time. None: only a change of the object makes it due.
    Later(Option<Duration>),
}

/// The events of one object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Events {
    /// How long until it looks, if an event asks for that.
    pub(super) look_in: Option<Duration>,
    /// Whether it is proved that an event announces each change of its values.
    pub(super) announce_changes: bool,
}

/// Whether the values are due. `is_up_to_date` is whether the Secret is as the last refresh left it. `offset`
/// moves the ticks of different stores apart.
pub(super) fn due(
    entry: &ExternalSecretEntry,
    is_up_to_date: bool,
    offset: u64,
    events: Events,
    now: Timestamp,
) -> Due {
    let spec = &entry.object.spec;
    // An edit of an orphan is reverted when its values are due, not before: no object owns it.
    let is_up_to_date = is_up_to_date || spec.target.creation_policy == CreationPolicy::Orphan;
    let never_synced = entry.synced.is_none() || entry.refreshed.is_none();
    let changed = entry.synced.as_ref() != Some(&entry.current);
    let interval = interval(spec);
    let is_due = match spec.refresh_policy {
        RefreshPolicy::CreatedOnce => never_synced,
        // Not even a change of the object makes it due: manifests rely on that.
        RefreshPolicy::Periodic if interval.is_zero() => entry.synced.is_none(),
        RefreshPolicy::OnChange | RefreshPolicy::Periodic => never_synced || changed,
    };
    if is_due || !is_up_to_date {
        return Due::Now;
    }
    if spec.refresh_policy != RefreshPolicy::Periodic || interval.is_zero() {
        return Due::Later(None);
    }
    let Some(proved) = entry.proved() else { return Due::Now };
    // A list may lack the change that an event announces.
    let is_asked = events.look_in == Some(Duration::ZERO);
    let due_now = if is_asked { Due::Now } else { Due::Expired };
    // The clock was put back, or another one was wrong.
    if proved > now {
        return due_now;
    }
    let may_be_early = entry.checked.is_some() || entry.read_by_this_process;
    // Values that this process read are due up to a tick early, together with others. A time from a status
    // may be External Secrets' own: then they are never due early.
    let due = if events.announce_changes && interval < PROOF_INTERVAL {
        proof_time(proved, interval, &entry.key)
    } else {
        due_time(proved, interval, offset, may_be_early)
    };
    let left = due.duration_since(now);
    let left = if left.is_positive() { left.unsigned_abs() } else { Duration::ZERO };
    let left = events.look_in.map_or(left, |look_in| left.min(look_in));
    if !left.is_zero() {
        return Due::Later(Some(left));
    }
    let is_closed = spec.sync_windows.as_ref().is_some_and(|windows| windows.are_closed(now));
    if is_closed { Due::Later(Some(CLOSED_WINDOW_RETRY)) } else { due_now }
}

/// Why nothing can be read at the interval of the spec.
pub(super) fn invalid_interval(spec: &ExternalSecretSpec) -> Option<Failure> {
    let text = spec.refresh_interval.as_deref()?;
    if go_duration::parse(text).is_some() {
        return None;
    }
    let text: String = text.chars().take(64).collect();
    let message = format!(
        "refreshInterval `{}` is not a duration: write it like 1h, 90m or 1h30m0s",
        text.escape_debug()
    );
    Some(Failure::new(Reason::Malformed, message))
}

/// Whether the values have not been read since the last daily time of the object.
pub(super) fn is_read_due(entry: &ExternalSecretEntry, now: Timestamp) -> bool {
    let Some(refreshed) = entry.refreshed else { return true };
    let offset = i64::try_from(daily_offset(&entry.key)).unwrap_or_default();
    let time = (now.as_second() - offset).div_euclid(DAY_SECONDS) * DAY_SECONDS + offset;
    refreshed.as_second() < time
}

/// The last tick before the end of the interval, or the first tick after it.
fn due_time(read_at: Timestamp, interval: Duration, offset: u64, may_be_early: bool) -> Timestamp {
    let at = u64::try_from(read_at.as_millisecond()).unwrap_or_default();
    let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
    let max_tick = u64::try_from(MAX_TICK.as_millis()).unwrap_or(u64::MAX);
    let tick = (interval / 10).min(max_tick).max(1);
    let offset = offset % tick;
    let end = (at + interval).saturating_sub(offset);
    let ticks = if may_be_early { end / tick } else { end.div_ceil(tick) };
    let due = ticks * tick + offset;
    Timestamp::from_millisecond(i64::try_from(due).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
}

/// The daily time of the object, at the earliest an interval after the last read.
fn proof_time(read_at: Timestamp, interval: Duration, key: &ObjectKey) -> Timestamp {
    let (day, offset) = (PROOF_INTERVAL.as_secs(), daily_offset(key));
    let earliest = u64::try_from(read_at.as_second()).unwrap_or_default() + interval.as_secs();
    let due = earliest.saturating_sub(offset).div_ceil(day) * day + offset;
    Timestamp::from_second(i64::try_from(due).unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX)
}

/// When the values of the object are read each day, in seconds after midnight UTC. Objects are spread evenly over
/// the day, and objects with the same time are read in batches.
fn daily_offset(key: &ObjectKey) -> u64 {
    spread(key) % READ_SLOTS * READ_SLOT_SECONDS
}

/// A number that differs between objects and stays the same for each.
pub(super) fn spread(key: &ObjectKey) -> u64 {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(key.to_string()).into();
    u32::from_le_bytes([a, b, c, d]).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn at(seconds_ago: i64) -> Timestamp {
        Timestamp::from_second(NOW - seconds_ago).unwrap()
    }

    fn refreshes(
        of: serde_json::Value,
        synced: Option<&str>,
        seconds_ago: Option<i64>,
        is_up_to_date: bool,
    ) -> bool {
        let object = json!({ "metadata": { "namespace": "n", "name": "s" }, "spec": of });
        let mut entry = ExternalSecretEntry::of(serde_json::from_value(object).unwrap());
        entry.refreshed = seconds_ago.map(at);
        entry.read_by_this_process = true;
        entry.synced = synced.map(ToOwned::to_owned);
        entry.current = "2-x".to_owned();
        !matches!(due(&entry, is_up_to_date, 0, Events::default(), at(0)), Due::Later(_))
    }

    #[test]
    fn periodic_object_is_due_when_new_changed_expired_or_edited() {
        let one = || json!({ "refreshInterval": "1h" });
        assert!(refreshes(one(), None, None, false));
        assert!(refreshes(one(), Some("1-x"), Some(5), true));
        assert!(refreshes(one(), Some("2-x"), Some(3601), true));
        assert!(refreshes(one(), Some("2-x"), Some(5), false));
        assert!(
            refreshes(one(), Some("2-x"), Some(-60), true),
            "a refresh time in the future proves nothing"
        );
        assert!(!refreshes(one(), Some("2-x"), Some(5), true));
    }

    #[test]
    fn object_with_interval_zero_is_read_once() {
        for interval in ["0", "0s"] {
            let once = || json!({ "refreshInterval": interval });
            assert!(refreshes(once(), None, None, false));
            assert!(!refreshes(once(), Some("1-x"), Some(99_999), true));
            assert!(
                refreshes(once(), Some("1-x"), Some(5), false),
                "but an edited Secret is repaired"
            );
        }
    }

    #[test]
    fn on_change_and_created_once_ignore_time() {
        let on_change = || json!({ "refreshPolicy": "OnChange" });
        assert!(!refreshes(on_change(), Some("2-x"), Some(99_999), true));
        assert!(refreshes(on_change(), Some("1-x"), Some(5), true));
        let once = || json!({ "refreshPolicy": "CreatedOnce" });
        assert!(!refreshes(once(), Some("1-x"), Some(99_999), true));
        assert!(refreshes(once(), None, None, true));
    }

    #[test]
    fn orphan_edits_are_not_reverted_until_next_refresh() {
        let orphan = json!({ "target": { "creationPolicy": "Orphan" } });
        assert!(!refreshes(orphan, Some("2-x"), Some(5), false));
    }

    #[test]
    fn due_times_are_aligned_to_ticks() {
        let hour = Duration::from_secs(3600);
        let times: std::collections::BTreeSet<_> =
            (0..60).map(|second| due_time(at(second), hour, 7, true).as_second()).collect();
        assert!(times.len() <= 2, "{times:?}");
        for second in 0..600 {
            for (interval, tick) in [(3600, 60), (60, 6), (5, 1)] {
                let end = at(second).as_second() + interval;
                let interval = Duration::from_secs(interval.unsigned_abs());
                let early = due_time(at(second), interval, 13, true).as_second();
                assert!(early <= end && early >= end - tick - 1, "{second} {early} {end}");
                let late = due_time(at(second), interval, 13, false).as_second();
                assert!(late >= end && late <= end + tick + 1, "{second} {late} {end}");
            }
        }
    }

    #[test]
    fn values_are_read_once_a_day_at_times_spread_evenly() {
        let day: Vec<_> = (0..144).map(|slot| at(0) + Duration::from_secs(slot * 600)).collect();
        let mut counts = vec![0; day.len()];
        for number in 0..1440_u32 {
            let metadata = json!({ "namespace": "n", "name": format!("app-{number}") });
            let object = json!({ "metadata": metadata, "spec": {} });
            let mut entry = ExternalSecretEntry::of(serde_json::from_value(object).unwrap());
            entry.refreshed = Some(at(1));
            for (slot, now) in day.iter().enumerate() {
                if is_read_due(&entry, *now) {
                    counts[slot] += 1;
                    entry.refreshed = Some(*now);
                }
            }
        }
        assert_eq!(counts.iter().sum::<u32>(), 1440, "once each");
        assert!(counts.iter().all(|count| (1..=30).contains(count)), "{counts:?}");
    }

    #[test]
    fn announced_objects_are_read_once_a_day_in_batches_spread_evenly() {
        let hour = Duration::from_secs(3600);
        let day = i64::try_from(PROOF_INTERVAL.as_secs()).unwrap();
        let mut times = std::collections::BTreeMap::new();
        for number in 0..10_000 {
            let key = ObjectKey { namespace: "n".into(), name: format!("app-{number}") };
            let first = proof_time(at(0), hour, &key);
            let wait = first.as_second() - NOW;
            assert!((3600..=day + 3600).contains(&wait), "{wait}");
            let second = proof_time(first, hour, &key);
            assert_eq!(second.as_second() - first.as_second(), day);
            *times.entry(first.as_second() % day).or_insert(0) += 1;
        }
        assert_eq!(times.len(), 144);
        assert!(times.values().all(|count| (35..=110).contains(count)), "{times:?}");
    }

    #[test]
    fn events_stretch_intervals_and_make_values_due() {
        let object = json!({ "metadata": { "namespace": "n", "name": "s" }, "spec": {} });
        let mut entry = ExternalSecretEntry::of(serde_json::from_value(object).unwrap());
        entry.refreshed = Some(at(4000));
        entry.synced = Some(entry.current.clone());
        let due = |entry: &ExternalSecretEntry, events| due(entry, true, 0, events, at(0));
        let announced = Events { announce_changes: true, look_in: None };
        assert_eq!(due(&entry, Events::default()), Due::Expired);
        assert!(matches!(due(&entry, announced), Due::Later(Some(_))));
        let now = Events { look_in: Some(Duration::ZERO), ..announced };
        assert_eq!(due(&entry, now), Due::Now);
        let soon = Duration::from_millis(200);
        let soon_due = due(&entry, Events { look_in: Some(soon), ..announced });
        assert_eq!(soon_due, Due::Later(Some(soon)));
        entry.refreshed = Some(at(2 * 86_400));
        assert_eq!(due(&entry, announced), Due::Expired, "the proof of the day");
    }

    #[test]
    fn clock_jump_in_any_direction_makes_a_value_due_once() {
        let object = json!({ "metadata": { "namespace": "n", "name": "s" }, "spec": {} });
        for days in [-400, -1, 1, 400] {
            for announce_changes in [false, true] {
                let events = Events { announce_changes, look_in: None };
                let mut entry =
                    ExternalSecretEntry::of(serde_json::from_value(object.clone()).unwrap());
                entry.synced = Some(entry.current.clone());
                entry.refreshed = Some(at(0));
                entry.read_by_this_process = true;
                let later = at(-days * DAY_SECONDS - 3600);
                assert_eq!(due(&entry, true, 0, events, later), Due::Expired, "{days} days");
                entry.checked = Some(later);
                let next = due(&entry, true, 0, events, later + Duration::from_secs(1));
                assert!(matches!(next, Due::Later(Some(_))), "{days} days: {next:?}");
            }
        }
    }

    #[test]
    fn closed_window_delays_only_expired_objects() {
        let closed = json!({ "kind": "allow", "windows": [] });
        let window = json!([{ "schedule": "@every 1h", "duration": "2h" }]);
        let allow = json!({ "kind": "allow", "windows": window });
        let deny = json!({ "kind": "deny", "windows": window });
        let is_due = |windows: serde_json::Value, synced| {
            refreshes(json!({ "syncWindows": windows }), Some(synced), Some(9999), true)
        };
        assert!(is_due(closed, "2-x"), "an empty list closes no window");
        assert!(is_due(allow, "2-x"));
        assert!(!is_due(deny.clone(), "2-x"));
        assert!(is_due(deny, "1-x"));
    }
}
