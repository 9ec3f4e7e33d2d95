//! Reads all values of one ExternalSecret from AWS.

pub(crate) mod entry;
pub(crate) mod explain;
mod find;
mod location;
pub(crate) mod store;

#[cfg(test)]
mod tests;

use crds::{
    ExternalSecret,
    external_secret::{DataFrom, Find, SourceRef},
};
use futures::future::{join, join_all};
use tokio::time::Instant;

use self::{
    entry::{FetchedEntries, FetchedEntry},
    location::Location,
    store::ReadableStores,
};
use super::{
    store::StoreKey,
    versions::{self, Versions},
};
use crate::reason::{Failure, Reason};

/// Reads all values. `versions` has the names of values that were found before: lists of AWS lag, so that
/// a name that is missing in a list may still exist.
pub(super) async fn fetch(
    object: &ExternalSecret,
    stores: &ReadableStores,
    versions: &Versions,
    now: Instant,
) -> FetchedEntries {
    let spec = &object.spec;
    let data_from = spec.data_from.iter().map(async |entry| {
        let location = match locate(object, entry.source_ref.as_ref(), entry.find.as_ref(), stores)
        {
            Ok(location) => location,
            Err(failure) => return FetchedEntry::Invalid(failure),
        };
        match entry {
            DataFrom { extract: Some(reference), .. } => {
                FetchedEntry::Value(location.read_reference(reference).await)
            }
            DataFrom { find: Some(find), .. } => {
                FetchedEntry::Found(location.find(find, versions, now).await)
            }
            _ => {
                let message = "an entry of dataFrom has neither extract nor find";
                FetchedEntry::Invalid(Failure::new(Reason::Malformed, message))
            }
        }
    });
    let data = spec.data.iter().map(async |entry| {
        match locate(object, entry.source_ref.as_ref(), None, stores) {
            Ok(location) => FetchedEntry::Value(location.read_reference(&entry.remote_ref).await),
            Err(failure) => FetchedEntry::Invalid(failure),
        }
    });
    let (data_from, data) = join(join_all(data_from), join_all(data)).await;
    FetchedEntries { data_from, data }
}

fn locate<'s>(
    object: &ExternalSecret,
    source: Option<&SourceRef>,
    find: Option<&Find>,
    stores: &'s ReadableStores,
) -> Result<Location<'s>, Failure> {
    if let Some(generator) = source.and_then(|source| source.generator_ref.as_ref()) {
        let message = format!("generators ({}) are not supported", generator.kind.escape_debug());
        return Err(Failure::new(Reason::StoreInvalid, message));
    }
    let reference = source.and_then(|source| source.store_ref.as_ref());
    let reference = reference.unwrap_or(&object.spec.secret_store_ref);
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    match stores.get(&StoreKey::of(reference, namespace)) {
        Some(Ok(store)) => {
            Ok(Location { store, scope: versions::scope(&store.uid, &store.provider, find) })
        }
        Some(Err(failure)) => Err(failure.clone()),
        None => {
            let message = "no store is named: set spec.secretStoreRef.name";
            Err(Failure::new(Reason::StoreInvalid, message))
        }
    }
}
