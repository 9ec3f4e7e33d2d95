//! Detects the fields that the installed CRD of ExternalSecrets supports. External Secrets' own CRD may be installed in the
//! place of ours.
//!
//! Its newer versions refuse conditions other than `Ready` and `Deleted`, and all versions prune
//! `status.versions` and `status.fingerprint`. The first status that shows either is logged.

use std::sync::{Mutex, MutexGuard};

use tracing::warn;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct CrdSupport {
    /// The explanation goes into the message of `Ready`. Until the process ends, the condition is not
    /// tried again.
    pub(super) refuses_explained: bool,
    /// `status.versions` and `status.fingerprint` count as written.
    pub(super) prunes_record: bool,
}

/// The support that the responses of the API server have shown so far.
#[derive(Debug, Default)]
pub(crate) struct UpstreamCrd(Mutex<CrdSupport>);

impl UpstreamCrd {
    pub(super) fn support(&self) -> CrdSupport {
        *self.lock()
    }

    /// A status was refused with `Explained`, and accepted without.
    pub(super) fn explained_was_refused(&self) {
        if !std::mem::replace(&mut self.lock().refuses_explained, true) {
            warn!(
                "the CRD of ExternalSecrets refuses the condition Explained, so that reasons are in the \
                 message of Ready; install the CRD of this release"
            );
        }
    }

    /// A status with versions was written, and the API server kept or pruned them.
    pub(super) fn record_was(&self, is_pruned: bool) {
        let was_pruned = std::mem::replace(&mut self.lock().prunes_record, is_pruned);
        if is_pruned && !was_pruned {
            warn!(
                "the CRD of ExternalSecrets has no field status.versions, so that older versions of a \
                 value are not detected after a restart; install the CRD of this release"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, CrdSupport> {
        self.0.lock().expect("no holder of the lock panics")
    }
}
