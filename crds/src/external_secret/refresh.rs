//! When to read values again: `spec.refreshPolicy` and `spec.syncWindows`.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{cron::Schedule, go_duration, lenient};

/// The limit of the CRD. External Secrets' own CRD may be installed in its place, without the limit.
const MAX_WINDOWS: usize = 100;

/// The interval of an object without `refreshInterval`.
pub const DEFAULT_REFRESH_INTERVAL: Duration = Duration::from_secs(3600);

/// When to read values again.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum RefreshPolicy {
    /// When the object changes, and periodically.
    #[default]
    Periodic,
    /// When the object changes.
    OnChange,
    /// Never.
    CreatedOnce,
}

/// Time windows for periodic refreshes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SyncWindows {
    /// Whether the windows allow or deny refreshes.
    #[serde(default)]
    pub kind: WindowKind,
    /// The windows.
    #[schemars(length(max = 100))]
    #[serde(default, deserialize_with = "lenient::null_is_default")]
    pub windows: Vec<Window>,
}

impl SyncWindows {
    /// Whether periodic refreshes wait at this time.
    pub fn are_closed(&self, now: Timestamp) -> bool {
        let is_open = |window: &Window| {
            let schedule = Schedule::parse(&window.schedule);
            let length = go_duration::parse(&window.duration);
            schedule.zip(length).is_some_and(|(schedule, length)| schedule.is_open(length, now))
        };
        let in_one = self.windows.iter().take(MAX_WINDOWS).any(is_open);
        match self.kind {
            WindowKind::Allow => !in_one && !self.windows.is_empty(),
            WindowKind::Deny => in_one,
        }
    }
}

/// The meaning of the windows.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Refreshes happen only inside the windows.
    #[default]
    Allow,
    /// Refreshes happen only outside the windows.
    Deny,
}

/// A recurring time window.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Window {
    /// When the window opens: a cron expression with five fields in UTC, or `@daily`, `@every 1h` and the like.
    pub schedule: String,
    /// How long the window stays open, as a Go duration.
    pub duration: String,
}
