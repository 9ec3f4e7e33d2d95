//! Flags about leader election.

use clap::{ArgAction, Args};
use jiff::SignedDuration;

use super::parse::{parse_duration, parse_object_name};
use crate::runtime::leader::Timing;

// A doc comment would replace the description of the command.
#[expect(clippy::struct_field_names, reason = "the flags have these names")]
#[derive(Args, Clone, Debug)]
pub(crate) struct LeaderFlags {
    /// Write only while holding a Lease, so that several replicas can run; requires RBAC on leases
    #[arg(long, alias = "enable-leader-election", value_name = "BOOL", default_value_t = false,
          action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true",
          require_equals = true)]
    pub(crate) leader_elect: bool,

    /// With --leader-elect: name of the Lease, in the controller's namespace
    #[arg(long, value_name = "NAME", default_value = "mtk-controller",
          value_parser = parse_object_name)]
    pub(crate) leader_election_id: String,

    /// With --leader-elect: how long a standby waits after the last renewal that it saw; whole seconds
    #[arg(long, value_name = "DURATION", default_value = "6s", value_parser = parse_seconds)]
    leader_election_lease_duration: SignedDuration,

    /// With --leader-elect: how long after its last renewal the leader writes
    #[arg(long, value_name = "DURATION", default_value = "4s", value_parser = parse_duration)]
    leader_election_renew_deadline: SignedDuration,

    /// With --leader-elect: how often the leader renews the Lease, and a standby reads it
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    leader_election_retry_period: SignedDuration,
}

impl LeaderFlags {
    /// The durations, or why they contradict each other.
    pub(crate) fn timing(&self) -> Result<Timing, &'static str> {
        let timing = Timing {
            lease: self.leader_election_lease_duration.unsigned_abs(),
            renew_deadline: self.leader_election_renew_deadline.unsigned_abs(),
            retry: self.leader_election_retry_period.unsigned_abs(),
        };
        if timing.lease <= timing.renew_deadline {
            return Err(
                "--leader-election-lease-duration must be above --leader-election-renew-deadline",
            );
        }
        if timing.renew_deadline <= timing.retry {
            return Err(
                "--leader-election-renew-deadline must be above --leader-election-retry-period",
            );
        }
        Ok(timing)
    }
}

/// The Lease has its duration in whole seconds.
fn parse_seconds(text: &str) -> Result<SignedDuration, &'static str> {
    let duration = parse_duration(text)?;
    let is_valid = duration.subsec_nanos() == 0 && duration.as_secs() <= 3600;
    is_valid.then_some(duration).ok_or("not a number of whole seconds up to 1h")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;

    use super::*;
    use crate::config::Config;

    fn flags(flags: &[&str]) -> Option<LeaderFlags> {
        let parsed = Config::try_parse_from([&["mtk-controller"], flags].concat());
        parsed.ok().map(|config| config.leader)
    }

    /// One second to see the last renewal, the lease, and two requests of two seconds at most.
    #[test]
    fn standby_acts_within_ten_seconds_by_default() {
        let flags = flags(&[]).unwrap();
        let timing = flags.timing().unwrap();
        assert!(!flags.leader_elect);
        assert!((timing.retry + timing.lease + timing.retry).as_secs() <= 8);
        assert!(timing.lease >= timing.renew_deadline + Duration::from_secs(2), "for its end");
    }

    #[test]
    fn flag_of_external_secrets_turns_it_on() {
        for flag in ["--leader-elect", "--enable-leader-election", "--enable-leader-election=true"]
        {
            assert!(flags(&[flag]).unwrap().leader_elect, "{flag}");
        }
        assert!(!flags(&["--leader-elect=false"]).unwrap().leader_elect);
    }

    #[test]
    fn contradictory_durations_are_errors() {
        let lease = flags(&["--leader-election-lease-duration=4s"]).unwrap().timing();
        assert!(lease.unwrap_err().starts_with("--leader-election-lease-duration must"));
        let retry = flags(&["--leader-election-retry-period=4s"]).unwrap().timing();
        assert!(retry.unwrap_err().starts_with("--leader-election-renew-deadline must"));
        assert!(flags(&["--leader-election-lease-duration=1500ms"]).is_none());
        assert!(flags(&["--leader-election-id=A_b"]).is_none());
    }
}
