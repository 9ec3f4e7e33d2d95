//! Checks an object whose interval has passed, without reading its values: are the versions that AWS has now
//! the ones that were applied? If they are, nothing is read and nothing is written. Otherwise, and if
//! a value has no version, the object is refreshed.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use crds::secret_store::AwsService;
use jiff::{SignedDuration, Timestamp};

use super::{
    attempt::Attempt,
    outcome::Checked,
    read::{ReadableStore, request},
    spec::{period, values},
    store::{ReferencedStores, StoreKey},
    versions,
};
use crate::{
    aws::{Need, ReadRequest, VersionList, sweep::Answer},
    runtime::{Outcome, Priority},
};

/// How many intervals an object waits for a list before its values are read.
const OVERDUE_INTERVALS: i32 = 2;

/// A value that is in a list of versions.
struct Checkable<'c> {
    request: ReadRequest,
    /// The applied version.
    recorded: Option<&'c str>,
}

impl Attempt<'_> {
    pub(super) async fn check(&self, stores: &ReferencedStores) -> Checked {
        let (controller, entry) = (self.controller, self.entry);
        let spec = &entry.object.spec;
        let (Some(proved), Some(interval)) = (entry.proved(), period(spec)) else {
            return Checked::Unknown;
        };
        if interval < controller.settings.min_list_interval {
            return Checked::Unknown;
        }
        let age = self.started.wall.duration_since(proved);
        let limit = SignedDuration::try_from(interval).unwrap_or(SignedDuration::MAX);
        let is_overdue = age >= limit.saturating_mul(OVERDUE_INTERVALS);
        let mut proved_at = self.started.wall;
        for (key, store) in stores {
            // The refresh reports why the store cannot be used.
            let Ok(store) = self.readable_store(key, store.as_ref()).await else {
                return Checked::Unknown;
            };
            let Some(values) = self.checkable(key, &store) else { return Checked::Unknown };
            if values.is_empty() {
                continue;
            }
            let own = store.store.has_identity_per_namespace();
            let namespace = Some(entry.key.namespace.as_str()).filter(|_| own);
            let due = controller.objects.census.due_within(interval, key, namespace);
            let need = Need { proved, interval, is_overdue, values: due };
            let list = match store.reader.sweeper.versions(&need).await {
                Answer::Listed(list) => list,
                Answer::Later(delay) => return Checked::Later(delay),
                Answer::Read => return Checked::Unknown,
            };
            if !values.iter().all(|value| value.is_applied(&list)) {
                return Checked::Unknown;
            }
            proved_at = proved_at.min(list.begun.wall);
        }
        // The object, or the identity of a store, may have changed meanwhile (F20).
        if !controller.stores.index.has_unchanged(stores) {
            return Checked::Unknown;
        }
        Checked::Proved(proved_at)
    }

    /// The values of the object in this store. None if one cannot be checked.
    fn checkable<'c>(
        &'c self,
        key: &StoreKey,
        store: &ReadableStore,
    ) -> Option<Vec<Checkable<'c>>> {
        let entry = self.entry;
        let scope = versions::scope(&store.store, None);
        let in_store = values(&entry.object.spec)?.into_iter();
        let in_store =
            in_store.filter(|(named, _)| StoreKey::of(named, &entry.key.namespace) == *key);
        let checkable = in_store.map(|(_, reference)| {
            if store.aws.service != AwsService::SecretsManager {
                return None;
            }
            let request = request(store.aws.service, &store.aws.prefix, reference);
            let recorded = match versions::key(&scope, &request) {
                Some(key) => Some(entry.versions.applied(&key)?),
                None => None,
            };
            Some(Checkable { request, recorded })
        });
        checkable.collect()
    }

    /// Remembers that the values of this time are those of the Secret. The status has the time of the last read.
    pub(super) fn record_proof(&self, at: Timestamp) -> Outcome {
        let (key, metrics) = (&self.entry.key, &self.controller.metrics);
        metrics.refreshed(key, self.started.monotonic.elapsed(), None);
        metrics.synced(key, at);
        self.remember(|memory| {
            if memory.current == self.entry.current {
                memory.checked = Some(at);
            }
        });
        Outcome::requeue(Priority::Resync, Duration::ZERO)
    }
}

impl Checkable<'_> {
    fn is_applied(&self, list: &Arc<VersionList>) -> bool {
        match &self.request {
            ReadRequest::Secret { id, version } => list.shows(id, version, self.recorded),
            _ => false,
        }
    }
}
