//! Checks an object whose interval has passed, without reading its values: are the versions that AWS has now
//! the ones that were applied? A list of all versions shows it, or else a description of each value. If they are,
//! nothing is read and nothing is written. Otherwise, and if a value has no version, the object is refreshed.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crds::secret_store::AwsService;
use futures::future::try_join_all;
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
    aws::{Need, ReadError, ReadRequest, VersionList, sweep::Answer},
    runtime::{Outcome, Priority},
};

/// How many intervals an object waits for a list before its values are read.
const OVERDUE_INTERVALS: i32 = 2;

/// When to ask again after a description that failed for a while.
const RETRY_DELAY: Duration = Duration::from_secs(10);

/// A value whose version AWS tells without the value.
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
            let is_listed = store.aws.service == AwsService::SecretsManager
                && interval >= controller.settings.min_list_interval;
            let answer =
                if is_listed { store.reader.sweeper.versions(&need).await } else { Answer::Read };
            let checked = match answer {
                Answer::Listed(list) if values.iter().all(|value| value.is_listed(&list)) => {
                    Checked::Proved(list.begun.wall)
                }
                Answer::Listed(_) => Checked::Unknown,
                Answer::Later(delay) => Checked::Later(delay),
                Answer::Read => self.describe(&store, values, &need).await,
            };
            self.report_findings(&store);
            match checked {
                Checked::Proved(at) => proved_at = proved_at.min(at),
                Checked::Later(_) | Checked::Unknown => return checked,
            }
        }
        // The object, or the identity of a store, may have changed meanwhile (F20).
        if !controller.stores.index.has_unchanged(stores) {
            return Checked::Unknown;
        }
        Checked::Proved(proved_at)
    }

    /// Asks for the version of each value.
    async fn describe(
        &self,
        store: &ReadableStore,
        values: Vec<Checkable<'_>>,
        need: &Need,
    ) -> Checked {
        let describer = &store.reader.describer;
        if !describer.is_worth_it(need.values) {
            return Checked::Unknown;
        }
        let is_applied = async |Checkable { request, recorded }: Checkable<'_>| {
            let fixed = request.fixed_version().map(ToOwned::to_owned);
            let version = describer.version(&self.entry.key.namespace, request).await?;
            Ok::<_, ReadError>(
                version.is_some() && version.as_deref() == recorded.or(fixed.as_deref()),
            )
        };
        match try_join_all(values.into_iter().map(is_applied)).await {
            Ok(are_applied) if are_applied.iter().all(|is| *is) => {
                Checked::Proved(self.started.wall)
            }
            Err(error) if error.reason.passes() && !need.is_overdue => Checked::Later(RETRY_DELAY),
            Ok(_) | Err(_) => Checked::Unknown,
        }
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
            let request = request(store.aws.service, &store.aws.prefix, reference);
            if !request.is_describable() {
                return None;
            }
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
        let (key, took) = (&self.entry.key, self.started.monotonic.elapsed());
        self.controller.measure(key, |metrics| metrics.refreshed(key, took, None));
        self.controller.report_proof(self.entry, at);
        self.remember(|memory| {
            if memory.current == self.entry.current {
                memory.checked = Some(at);
            }
        });
        Outcome::requeue(Priority::Resync, Duration::ZERO)
    }
}

impl Checkable<'_> {
    fn is_listed(&self, list: &VersionList) -> bool {
        match &self.request {
            ReadRequest::Secret { id, version } => list.shows(id, version, self.recorded),
            _ => false,
        }
    }
}
