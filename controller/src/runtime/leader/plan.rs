//! What to do about the lease.
//!
//! Times are those since the boot of this machine: see [`boot_time`](crate::runtime::clock::boot_time).

use std::time::Duration;

/// The durations of the election.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Timing {
    /// How long a lease counts after the last change that a standby saw.
    pub(crate) lease: Duration,
    /// How long after the start of its last renewal the leader writes.
    pub(crate) renew_deadline: Duration,
    /// How often the leader renews the lease, and a standby reads it.
    pub(crate) retry: Duration,
}

/// The lease as this process sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    /// Empty if nobody holds it.
    pub(crate) holder: String,
    pub(crate) duration: Duration,
    /// When this process first saw the lease as it is.
    pub(crate) since: Duration,
}

/// This process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) identity: &'a str,
    /// Until when it leads. `None` if it never led.
    pub(crate) leads_until: Option<Duration>,
    /// Whether the process is about to end.
    pub(crate) resigns: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Create the lease.
    Create,
    /// Become its holder.
    Take,
    Renew,
    /// Read the lease again after this time.
    Wait(Duration),
    /// Give the lease back.
    Release,
    /// There is nothing to give back.
    Stop,
    /// This process led, and does no longer.
    Lost,
}

/// Decides about the lease. `None` if it does not exist.
pub(crate) fn plan(
    lease: Option<&Seen>,
    us: Candidate<'_>,
    timing: Timing,
    now: Duration,
) -> Action {
    let is_ours = lease.is_some_and(|lease| lease.holder == us.identity);
    if us.resigns {
        return if is_ours { Action::Release } else { Action::Stop };
    }
    if us.leads_until.is_some_and(|until| now >= until) {
        return Action::Lost;
    }
    let Some(lease) = lease else { return Action::Create };
    if is_ours {
        return Action::Renew;
    }
    if us.leads_until.is_some() {
        return Action::Lost;
    }
    let left = (lease.since + lease.duration).saturating_sub(now);
    if lease.holder.is_empty() || left.is_zero() {
        return Action::Take;
    }
    Action::Wait(left.min(timing.retry))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        lease: Duration::from_secs(6),
        renew_deadline: Duration::from_secs(4),
        retry: Duration::from_secs(1),
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A lease of six seconds that was first seen at second 100.
    fn held_by(holder: &str) -> Seen {
        Seen { holder: holder.to_owned(), duration: TIMING.lease, since: seconds(100) }
    }

    fn us(leads_until: Option<u64>) -> Candidate<'static> {
        Candidate { identity: "us", leads_until: leads_until.map(seconds), resigns: false }
    }

    fn at(second: u64, lease: Option<&Seen>, us: Candidate<'_>) -> Action {
        plan(lease, us, TIMING, seconds(second))
    }

    #[test]
    fn missing_lease_is_created_and_free_lease_is_taken() {
        assert_eq!(at(100, None, us(None)), Action::Create);
        assert_eq!(at(100, Some(&held_by("")), us(None)), Action::Take);
    }

    #[test]
    fn standby_takes_the_lease_when_it_has_not_changed_for_its_duration() {
        let lease = held_by("them");
        assert_eq!(at(100, Some(&lease), us(None)), Action::Wait(seconds(1)));
        assert_eq!(at(105, Some(&lease), us(None)), Action::Wait(seconds(1)));
        let almost = plan(Some(&lease), us(None), TIMING, Duration::from_millis(105_900));
        assert_eq!(almost, Action::Wait(Duration::from_millis(100)));
        assert_eq!(at(106, Some(&lease), us(None)), Action::Take);
        let longer = Seen { duration: seconds(15), ..lease };
        assert_eq!(at(114, Some(&longer), us(None)), Action::Wait(seconds(1)), "theirs counts");
        assert_eq!(at(115, Some(&longer), us(None)), Action::Take);
    }

    #[test]
    fn leader_renews_until_its_deadline() {
        let lease = held_by("us");
        assert_eq!(at(103, Some(&lease), us(Some(104))), Action::Renew);
        assert_eq!(at(104, Some(&lease), us(Some(104))), Action::Lost);
        assert_eq!(at(200, Some(&lease), us(Some(104))), Action::Lost, "after a freeze");
        assert_eq!(at(103, None, us(Some(104))), Action::Create, "somebody deleted it");
    }

    #[test]
    fn leader_whose_lease_was_taken_has_lost() {
        assert_eq!(at(101, Some(&held_by("them")), us(Some(104))), Action::Lost);
        assert_eq!(at(101, Some(&held_by("")), us(Some(104))), Action::Lost);
    }

    /// The answer to the request that took it was lost.
    #[test]
    fn lease_that_is_ours_without_our_knowledge_is_renewed() {
        assert_eq!(at(101, Some(&held_by("us")), us(None)), Action::Renew);
    }

    #[test]
    fn only_the_holder_releases() {
        let resigns = |leads_until| Candidate { resigns: true, ..us(leads_until) };
        assert_eq!(at(101, Some(&held_by("us")), resigns(Some(104))), Action::Release);
        assert_eq!(at(101, Some(&held_by("them")), resigns(Some(104))), Action::Stop);
        assert_eq!(at(101, None, resigns(None)), Action::Stop);
    }

    /// The leader's time begins before its renewal, and the standby's after it has seen the renewal.
    #[test]
    fn leader_stops_before_a_standby_takes_over() {
        let renewal_began = seconds(100);
        let leads_until = renewal_began + TIMING.renew_deadline;
        let seen = Seen { since: renewal_began, ..held_by("us") };
        let standby = Candidate { identity: "them", leads_until: None, resigns: false };
        for millis in (100_000..106_000).step_by(10) {
            let now = Duration::from_millis(millis);
            assert_ne!(plan(Some(&seen), standby, TIMING, now), Action::Take);
        }
        assert!(leads_until + seconds(2) <= renewal_began + TIMING.lease);
    }
}
