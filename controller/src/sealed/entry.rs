//! The state that the controller keeps for one SealedSecret. It does not include the items.

use std::{sync::Arc, time::Duration};

use crds::{SealedSecret, SealedSecretStatus};
use tokio::time::Instant;

use super::{
    prepare::wants_owner,
    record::{Record, inputs},
};
use crate::{
    reason::Reason,
    runtime::{
        api::version_of,
        conflict::{ConflictBackoff, Repairs},
        index::Indexed,
        mac::{Mac, MacKey},
    },
    target::snapshot::{MetadataMac, label_and_annotation_macs},
};

/// How repairs slow down when somebody keeps undoing them.
const REPAIR_BACKOFF: ConflictBackoff = ConflictBackoff {
    window: Duration::from_mins(2),
    immediate_repairs: 5,
    first_delay: Duration::from_secs(2),
    max_delay: Duration::from_secs(64),
};

#[derive(Clone, Debug)]
pub(crate) struct SealedSecretEntry {
    pub(crate) uid: String,
    /// The [`version_of`] the object.
    pub(crate) version: u64,
    pub(crate) generation: i64,
    pub(crate) is_deleting: bool,
    /// Whether the Secret gets an owner reference.
    pub(crate) wants_owner: bool,
    /// The MAC over everything that decides the Secret.
    pub(crate) inputs: Mac,
    /// The MACs of the template's labels and annotations.
    pub(crate) labels_and_annotations: Box<[MetadataMac]>,
    /// The status in the API server, as last seen or written.
    pub(crate) status: SealedSecretStatus,
    /// The record of the last sync. The status may not have it yet, or never: Bitnami's CRD prunes
    /// it.
    pub(crate) applied: Option<Record>,
    /// Why the last reconcile failed.
    pub(crate) failed: Option<Reason>,
    /// Failures in a row.
    pub(crate) attempts: u32,
    /// The CRD in the cluster has no field for the record.
    pub(crate) prunes_record: bool,
    /// Writes over what others had changed.
    pub(super) repairs: Repairs,
    /// The object itself, until it is synced.
    pub(super) pending: Option<Arc<SealedSecret>>,
}

impl SealedSecretEntry {
    pub(crate) fn of(mac_key: &MacKey, sealed: &SealedSecret) -> Self {
        let metadata = &sealed.metadata;
        let template = &sealed.spec.template.metadata;
        let status = sealed.status.clone().unwrap_or_default();
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            version: version_of(metadata),
            generation: metadata.generation.unwrap_or_default(),
            is_deleting: metadata.deletion_timestamp.is_some(),
            wants_owner: wants_owner(sealed),
            inputs: inputs(mac_key, sealed),
            labels_and_annotations: label_and_annotation_macs(
                mac_key,
                &template.labels,
                &template.annotations,
            ),
            applied: status.fingerprint.as_deref().and_then(Record::parse),
            status,
            failed: None,
            attempts: 0,
            prunes_record: false,
            repairs: Repairs::default(),
            pending: None,
        }
    }

    /// Whether the status reports this record for the current generation.
    pub(crate) fn status_reports(&self, record: &Record) -> bool {
        let status = &self.status;
        let is_true = |type_: &str| status.condition(type_).is_some_and(|c| c.status == "True");
        status.observed_generation == Some(self.generation)
            && is_true("Synced")
            && is_true("Ready")
            && match &status.fingerprint {
                Some(text) => Record::parse(text).as_ref() == Some(record),
                None => self.prunes_record,
            }
    }

    /// Clears the failure: a later change of the Secret leads to a reconcile again.
    pub(crate) fn record_recovery(&mut self) {
        self.failed = None;
        self.attempts = 0;
    }

    pub(crate) fn record_failure(&mut self, reason: Reason) {
        self.failed = Some(reason);
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Counts a write over what others had changed.
    pub(crate) fn record_repair(&mut self, now: Instant) {
        self.repairs.record(REPAIR_BACKOFF, now);
    }

    /// How long to wait before the next repair.
    pub(crate) fn repair_delay(&self, now: Instant) -> Duration {
        self.repairs.delay(REPAIR_BACKOFF, now)
    }
}

impl Indexed for SealedSecretEntry {
    fn uid(&self) -> &str {
        &self.uid
    }
}
