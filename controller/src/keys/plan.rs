//! When the controller creates a sealing key.

use std::time::Duration;

use jiff::Timestamp;

/// The flags about new keys.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RenewalSettings {
    /// The age at which the newest key is followed by another. None: never.
    pub(crate) period: Option<Duration>,
    /// A newest key from before this time is followed by another, once the time has passed.
    pub(crate) cutoff: Option<Timestamp>,
    /// Whether the controller creates a key if there is none.
    pub(crate) creates_first_key: bool,
}

/// The state of the key Secrets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct KnownKeys {
    /// Whether there are active key Secrets, readable or not.
    pub(super) any_secret: bool,
    /// The time of the key to seal with, by the order of the keys.
    pub(super) newest: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    Create(Cause),
    /// Nothing is due before this time.
    WaitUntil(Timestamp),
    Nothing,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cause {
    /// There is no key.
    First,
    /// SIGUSR1.
    Requested,
    Cutoff,
    Period,
}

/// If key Secrets exist but none can seal, the controller creates no key: a new one would hide the loss.
pub(super) fn plan(
    keys: KnownKeys,
    settings: &RenewalSettings,
    is_requested: bool,
    now: Timestamp,
) -> Action {
    if is_requested {
        return Action::Create(Cause::Requested);
    }
    let Some(newest) = keys.newest else {
        let creates = settings.creates_first_key && !keys.any_secret;
        return if creates { Action::Create(Cause::First) } else { Action::Nothing };
    };
    let cutoff = settings.cutoff.filter(|cutoff| newest < *cutoff);
    let period = settings.period.and_then(|period| newest.checked_add(period).ok());
    let due = [(cutoff, Cause::Cutoff), (period, Cause::Period)];
    let due = due.into_iter().filter_map(|(at, cause)| Some((at?, cause)));
    match due.min_by_key(|(at, _)| *at) {
        None => Action::Nothing,
        Some((at, cause)) if at <= now => Action::Create(cause),
        Some((at, _)) => Action::WaitUntil(at),
    }
}

impl Cause {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::First => "there is no key",
            Self::Requested => "SIGUSR1",
            Self::Cutoff => "the newest key is older than --key-cutoff-time",
            Self::Period => "the newest key is older than --key-renew-period",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const PERIOD: Duration = Duration::from_hours(720);

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    fn settings(period: Option<Duration>, cutoff: Option<i64>) -> RenewalSettings {
        RenewalSettings { period, cutoff: cutoff.map(at), creates_first_key: true }
    }

    fn key(hours: i64) -> KnownKeys {
        KnownKeys { any_secret: true, newest: Some(at(hours)) }
    }

    #[test]
    fn first_key_is_created_only_without_any_key_secret() {
        let none = KnownKeys::default();
        let unreadable = KnownKeys { any_secret: true, newest: None };
        let plan = |keys, settings: &RenewalSettings| plan(keys, settings, false, at(1000));
        for settings in [settings(None, None), settings(Some(PERIOD), Some(1))] {
            assert_eq!(plan(none, &settings), Action::Create(Cause::First));
            assert_eq!(plan(unreadable, &settings), Action::Nothing);
            let closed = RenewalSettings { creates_first_key: false, ..settings };
            assert_eq!(plan(none, &closed), Action::Nothing);
        }
    }

    #[test]
    fn period_counts_from_the_newest_key() {
        let settings = settings(Some(PERIOD), None);
        let plan = |key, now| plan(key, &settings, false, now);
        assert_eq!(plan(key(0), at(719)), Action::WaitUntil(at(720)));
        assert_eq!(plan(key(0), at(720)), Action::Create(Cause::Period));
        assert_eq!(plan(key(720), at(720)), Action::WaitUntil(at(1440)));
        assert_eq!(plan(key(2000), at(720)), Action::WaitUntil(at(2720)), "from the future");
    }

    #[test]
    fn period_of_zero_renews_never() {
        assert_eq!(plan(key(0), &settings(None, None), false, at(999_999)), Action::Nothing);
    }

    /// Bitnami's controller creates a key at each start until a cutoff in the future has passed.
    #[test]
    fn cutoff_in_the_future_waits_for_its_time() {
        let settings = settings(None, Some(100));
        let plan = |key, now| plan(key, &settings, false, now);
        assert_eq!(plan(key(0), at(50)), Action::WaitUntil(at(100)));
        assert_eq!(plan(key(0), at(100)), Action::Create(Cause::Cutoff));
        assert_eq!(plan(key(99), at(101)), Action::Create(Cause::Cutoff));
        assert_eq!(
            plan(key(100), at(101)),
            Action::Nothing,
            "the key of that moment is new enough"
        );
    }

    #[test]
    fn earlier_of_period_and_cutoff_counts() {
        let both = settings(Some(PERIOD), Some(100));
        assert_eq!(plan(key(0), &both, false, at(50)), Action::WaitUntil(at(100)));
        let both = settings(Some(PERIOD), Some(900));
        assert_eq!(plan(key(0), &both, false, at(50)), Action::WaitUntil(at(720)));
        assert_eq!(plan(key(0), &both, false, at(950)), Action::Create(Cause::Period));
    }

    #[test]
    fn request_creates_a_key_at_any_time() {
        let off = RenewalSettings::default();
        for keys in [KnownKeys::default(), key(0)] {
            assert_eq!(plan(keys, &off, true, at(1)), Action::Create(Cause::Requested));
        }
    }

    #[test]
    fn period_beyond_the_calendar_renews_never() {
        let settings = settings(Some(Duration::from_secs(u64::MAX / 4)), None);
        assert_eq!(plan(key(0), &settings, false, at(1)), Action::Nothing);
    }
}
