//! Whether an identity may read batches.
//!
//! ```text
//!  Unknown ── a batch succeeds ──▶ Allowed ── batches are denied ──▶ Denied
//!     └────── batches are denied ─────────────────────────────────────▲ │
//!                              Allowed ◀── a batch succeeds (after a day) ──┘
//! ```

use std::time::Duration;

use tokio::time::Instant;

/// How long a denial of batches is believed.
pub(crate) const BATCH_RECHECK_INTERVAL: Duration = Duration::from_hours(24);

/// Whether an identity may read batches, as far as it is known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum BatchPermission {
    #[default]
    Unknown,
    Allowed,
    /// AWS denies this action.
    Denied(&'static str),
}

/// The result of a batch, as evidence about the permission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PermissionEvent {
    BatchSucceeded,
    /// AWS denies this action.
    BatchesDenied(&'static str),
}

/// How to read several requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BatchUse {
    /// In batches that run concurrently.
    Batches,
    /// In one batch first, to learn whether batches are allowed.
    Probe,
    Individually,
}

/// A permission and when it was found out.
#[derive(Clone, Copy, Debug)]
pub(super) struct PermissionState {
    permission: BatchPermission,
    since: Instant,
}

impl PermissionState {
    pub(super) fn new(permission: BatchPermission, now: Instant) -> Self {
        Self { permission, since: now }
    }

    pub(super) fn permission(self) -> BatchPermission {
        self.permission
    }

    pub(super) fn after(event: PermissionEvent, now: Instant) -> Self {
        let permission = match event {
            PermissionEvent::BatchSucceeded => BatchPermission::Allowed,
            PermissionEvent::BatchesDenied(action) => BatchPermission::Denied(action),
        };
        Self { permission, since: now }
    }

    pub(super) fn batch_use(self, now: Instant) -> BatchUse {
        let is_recent = now.duration_since(self.since) < BATCH_RECHECK_INTERVAL;
        match self.permission {
            BatchPermission::Allowed => BatchUse::Batches,
            BatchPermission::Denied(_) if is_recent => BatchUse::Individually,
            BatchPermission::Unknown | BatchPermission::Denied(_) => BatchUse::Probe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn denied_permission_is_probed_again_after_a_day() {
        let start = Instant::now();
        let unknown = PermissionState::new(BatchPermission::Unknown, start);
        assert_eq!(unknown.batch_use(start), BatchUse::Probe);
        let denied = PermissionState::after(PermissionEvent::BatchesDenied("a:B"), start);
        assert_eq!(denied.permission(), BatchPermission::Denied("a:B"));
        assert_eq!(denied.batch_use(start), BatchUse::Individually);
        let later = start + BATCH_RECHECK_INTERVAL;
        assert_eq!(denied.batch_use(later), BatchUse::Probe);
        let allowed = PermissionState::after(PermissionEvent::BatchSucceeded, later);
        assert_eq!(allowed.batch_use(later + BATCH_RECHECK_INTERVAL), BatchUse::Batches);
    }
}
