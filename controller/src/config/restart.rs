//! Restarts of workloads.

use clap::{ArgAction, Args};
use jiff::SignedDuration;

use super::parse::parse_duration;
use crate::restart::Settings;

#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(super) struct RestartArgs {
    /// Restart workloads that ask for it when Secrets that they use change; requires RBAC on workloads
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    restart_workloads: bool,

    /// With --restart-workloads: how long to wait for further changes before a restart
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse_duration)]
    restart_delay: SignedDuration,

    /// With --restart-workloads: minimum interval between two restarts of one workload
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    restart_min_interval: SignedDuration,
}

impl RestartArgs {
    pub(super) fn settings(&self) -> Option<Settings> {
        self.restart_workloads.then(|| Settings {
            delay: self.restart_delay.unsigned_abs(),
            min_interval: self.restart_min_interval.unsigned_abs(),
        })
    }
}
