//! The values of an ExternalSecret and their interval, by its spec.

use std::time::Duration;

use crds::{
    ExternalSecretSpec,
    external_secret::{
        DEFAULT_REFRESH_INTERVAL, MetadataPolicy, RefreshPolicy, RemoteRef, SourceRef, StoreRef,
    },
};

use crate::runtime::go_duration;

/// The time between two reads. Zero: the values are read once.
pub(super) fn interval(spec: &ExternalSecretSpec) -> Duration {
    spec.refresh_interval
        .as_deref()
        .and_then(go_duration::parse)
        .unwrap_or(DEFAULT_REFRESH_INTERVAL)
}

/// The time between two reads, if the values are read again at all.
pub(super) fn period(spec: &ExternalSecretSpec) -> Option<Duration> {
    let is_periodic = spec.refresh_policy == RefreshPolicy::Periodic;
    Some(interval(spec)).filter(|interval| is_periodic && !interval.is_zero())
}

/// The values of a spec, each with its store. None if something else decides about the Secret too: which names
/// AWS has, tags, or templates in other objects.
pub(super) fn values(spec: &ExternalSecretSpec) -> Option<Vec<(&StoreRef, &RemoteRef)>> {
    let templates = spec.target.template.iter().flat_map(|template| &template.template_from);
    let mut elsewhere = templates.filter(|from| from.config_map.is_some() || from.secret.is_some());
    if elsewhere.next().is_some() {
        return None;
    }
    let extracted = spec.data_from.iter().map(|from| {
        let reference = from.extract.as_ref().filter(|_| from.find.is_none())?;
        value(spec, from.source_ref.as_ref(), reference)
    });
    let data = spec.data.iter();
    let data = data.map(|data| value(spec, data.source_ref.as_ref(), &data.remote_ref));
    extracted.chain(data).collect()
}

fn value<'s>(
    spec: &'s ExternalSecretSpec,
    source: Option<&'s SourceRef>,
    reference: &'s RemoteRef,
) -> Option<(&'s StoreRef, &'s RemoteRef)> {
    let is_generated = source.is_some_and(|source| source.generator_ref.is_some());
    if is_generated || reference.metadata_policy == MetadataPolicy::Fetch {
        return None;
    }
    let store = source.and_then(|source| source.store_ref.as_ref());
    Some((store.unwrap_or(&spec.secret_store_ref), reference))
}
