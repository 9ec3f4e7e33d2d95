//! When to read values again: `spec.refreshPolicy` and `spec.syncWindows`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lenient;

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
