//! External Secrets' own CRD in the place of ours: what it does not take of a status.
//!
//! Its newer ones refuse conditions other than `Ready` and `Deleted`, and all prune `status.versions` and
//! `status.fingerprint`. Both are found out by the first status that shows it, said once, and held until
//! the process ends. What is wrong then stands in the message of `Ready`, and what was pruned counts as
//! written.

use std::sync::atomic::{AtomicBool, Ordering};

use crds::{ExternalSecretStatus, external_secret::condition};
use tracing::warn;

use super::status::{self, Outcome};

/// What is known of the CRD.
#[derive(Debug, Default)]
pub struct UpstreamCrd {
    refuses: AtomicBool,
    prunes: AtomicBool,
}

impl UpstreamCrd {
    /// What may be written in the place of a status that was refused as invalid: the same without
    /// `Explained`, unless `Ready` is another controller's.
    pub fn plainer(
        status: &ExternalSecretStatus,
        outcome: Outcome<'_>,
    ) -> Option<ExternalSecretStatus> {
        let is_explained = condition(&status.conditions, "Explained").is_some();
        let is_ours = !matches!(outcome, Outcome::Left(_));
        (is_explained && is_ours).then(|| status::explained_in_ready(status.clone()))
    }

    /// That was taken in its place.
    pub fn refused(&self) {
        if !self.refuses.swap(true, Ordering::Relaxed) {
            warn!(
                "the CRD of ExternalSecrets refuses the condition Explained: reasons stand in the message \
                 of Ready; install the one of this release"
            );
        }
    }

    /// A status was written, and the API server has kept this of it.
    pub fn kept(&self, sent: &ExternalSecretStatus, kept: &ExternalSecretStatus) {
        if sent.versions.is_empty() {
            return;
        }
        let prunes = kept.versions.is_empty();
        if self.prunes.swap(prunes, Ordering::Relaxed) != prunes && prunes {
            warn!(
                "the CRD of ExternalSecrets has no field status.versions: after a restart, an older version \
                 of a value is not known as one; install the one of this release"
            );
        }
    }

    /// What there would be before an outcome, had nothing been pruned.
    pub fn before(
        &self,
        mut status: ExternalSecretStatus,
        outcome: Outcome<'_>,
    ) -> ExternalSecretStatus {
        if let Outcome::Done(done) = outcome
            && self.prunes.load(Ordering::Relaxed)
        {
            status.versions.clone_from(done.versions);
            status.fingerprint = done.fingerprint.map(ToOwned::to_owned);
        }
        status
    }

    /// A status as the CRD takes it; none if it is the one that is there, or if `Ready` is another
    /// controller's and nothing else may be said.
    pub fn taken(
        &self,
        next: ExternalSecretStatus,
        previous: &ExternalSecretStatus,
        outcome: Outcome<'_>,
    ) -> Option<ExternalSecretStatus> {
        if !self.refuses.load(Ordering::Relaxed) {
            return Some(next);
        }
        if matches!(outcome, Outcome::Left(_)) {
            return None;
        }
        let next = status::explained_in_ready(next);
        (next != *previous).then_some(next)
    }
}
