//! Watches that never end. Their lists are streamed if the API server supports it, and paged
//! otherwise.

use std::{collections::HashSet, fmt::Debug, time::Duration};

use futures::StreamExt as _;
use kube::{
    Api, Error as ClientError, Resource,
    api::ObjectMeta,
    runtime::{
        WatchStreamExt as _,
        watcher::{Config, Error, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tracing::{info, warn};

use super::lenient::Lenient;
use crate::key::ObjectKey;

/// How long the server may hold a watch. So the controller notices a dead connection after this
/// time, and not after the default of five minutes.
const WATCH_TIMEOUT_SECONDS: u32 = 60;
/// Objects per page of a list.
const PAGE_OBJECTS: u32 = 50;
/// Objects per page, for kinds whose objects may have 1 MiB: while a page is decoded, it is in memory
/// three times.
pub(crate) const LARGE_OBJECTS_PAGE: u32 = 10;

/// How often to retry a custom resource whose CRD is missing.
pub(crate) const CRD_POLL_INTERVAL: Duration = Duration::from_secs(30);

/// A watch of one kind in one scope.
#[must_use]
pub(crate) struct Watch<K> {
    api: Api<Lenient<K>>,
    config: Config,
    page_objects: u32,
    what: String,
    absence_poll: Option<Duration>,
}

pub(crate) enum WatchEvent<K> {
    /// An object that exists. `is_listed` if it is part of a full list; otherwise it is a change.
    Applied {
        object: K,
        is_listed: bool,
    },
    Deleted(Box<ObjectMeta>),
    /// The end of a full list, with all objects in its scope.
    Listed(HashSet<ObjectKey>),
    /// The kind cannot be watched now. The watch reports this once until a list succeeds.
    Absent(Absence),
}

/// Why a kind cannot be watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Absence {
    #[error("the API server does not serve the kind")]
    NotServed,
    #[error("the controller has no permission to watch the kind")]
    Forbidden,
}

impl<K> Watch<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// `what` names the objects in logs.
    pub(crate) fn new(api: Api<Lenient<K>>, what: impl Into<String>) -> Self {
        let (config, what) = (Config::default(), what.into());
        Self { api, config, page_objects: PAGE_OBJECTS, what, absence_poll: None }
    }

    /// The number of objects per page of a list.
    pub(crate) fn page(self, page_objects: u32) -> Self {
        Self { page_objects, ..self }
    }

    pub(crate) fn fields(self, selector: &str) -> Self {
        Self { config: self.config.fields(selector), ..self }
    }

    /// An empty selector selects all objects.
    pub(crate) fn labels(self, selector: &str) -> Self {
        if selector.is_empty() {
            return self;
        }
        Self { config: self.config.labels(selector), ..self }
    }

    /// The kind may be missing, or the controller may not be allowed to watch it. The watch then
    /// retries at this interval.
    pub(crate) fn optional(self, poll: Duration) -> Self {
        Self { absence_poll: Some(poll), ..self }
    }

    /// Passes every event to `handle`. Logs and retries errors. Logs and skips objects that cannot be
    /// decoded.
    pub(crate) async fn run(self, mut handle: impl FnMut(WatchEvent<K>)) {
        let mut listed = HashSet::new();
        let mut absent = None;
        let mut streaming = true;
        loop {
            let config = self.config.clone().timeout(WATCH_TIMEOUT_SECONDS);
            let config = config.page_size(self.page_objects);
            let config = if streaming { config.streaming_lists() } else { config };
            let mut events = watcher(self.api.clone(), config).default_backoff().boxed();
            while let Some(event) = events.next().await {
                let error = match event {
                    Ok(event) => {
                        if matches!(event, Event::InitDone) {
                            absent = None;
                        }
                        if let Some(event) = reduced(event, &mut listed, &self.what) {
                            handle(event);
                        }
                        continue;
                    }
                    Err(error) => error,
                };
                // Servers without `WatchList` refuse `sendInitialEvents` (KEP-3157).
                if streaming && matches!(refusal(&error), Some(400 | 422)) {
                    info!(what = self.what, "the API server does not stream lists: they are paged");
                    streaming = false;
                    break;
                }
                if let (Some(poll), Some(absence)) = (self.absence_poll, absence(&error)) {
                    if absent.replace(absence) != Some(absence) {
                        handle(WatchEvent::Absent(absence));
                    }
                    drop(events);
                    tokio::time::sleep(poll).await;
                    break;
                }
                warn!(what = self.what, error = describe(&error), "the watch is retried");
            }
        }
    }

    /// Keeps an index of a custom resource up to date. `known` returns the objects in this scope that the
    /// index has. `deleted` receives those that a full list does not contain.
    pub(crate) async fn run_indexed(
        self,
        mut listing: Listing,
        known: impl Fn() -> Vec<ObjectKey>,
        applied: impl Fn(K),
        deleted: impl Fn(&ObjectKey),
    ) {
        let what = self.what.clone();
        let handle = |event| match event {
            WatchEvent::Applied { object, .. } => applied(object),
            WatchEvent::Deleted(metadata) => deleted(&ObjectKey::of(&metadata)),
            WatchEvent::Listed(listed) => {
                known().iter().filter(|key| !listed.contains(key)).for_each(&deleted);
                listing.complete();
            }
            WatchEvent::Absent(absence) => {
                info!(what, why = %absence, "not watched");
                listing.complete();
            }
        };
        self.run(handle).await;
    }
}

/// An event, with the collected keys of a list.
fn reduced<K: Resource>(
    event: Event<Lenient<K>>,
    listed: &mut HashSet<ObjectKey>,
    what: &str,
) -> Option<WatchEvent<K>> {
    let is_listed = matches!(event, Event::InitApply(_));
    match event {
        Event::Init => {
            listed.clear();
            None
        }
        Event::InitApply(object) | Event::Apply(object) => {
            let key = ObjectKey::of(object.meta());
            let Some(object) = object.decoded() else {
                warn!(what, object = %key, "the object cannot be decoded and is left out");
                return None;
            };
            if is_listed {
                listed.insert(key);
            }
            Some(WatchEvent::Applied { object, is_listed })
        }
        Event::InitDone => Some(WatchEvent::Listed(std::mem::take(listed))),
        Event::Delete(object) => Some(WatchEvent::Deleted(Box::new(object.meta().clone()))),
    }
}

fn absence(error: &Error) -> Option<Absence> {
    match refusal(error)? {
        404 => Some(Absence::NotServed),
        403 => Some(Absence::Forbidden),
        _ => None,
    }
}

/// The code with which the API server refuses a list or a watch.
fn refusal(error: &Error) -> Option<u16> {
    match error {
        Error::InitialListFailed(ClientError::Api(status))
        | Error::WatchStartFailed(ClientError::Api(status)) => Some(status.code),
        _ => None,
    }
}

/// Describes the error without the text of the API server: a body that cannot be read may be a Secret.
fn describe(error: &Error) -> String {
    let (what, source) = match error {
        Error::InitialListFailed(source) => ("the list failed", Some(source)),
        Error::WatchStartFailed(source) => ("the watch did not start", Some(source)),
        Error::WatchError(status) => return format!("the API server ended it: {}", status.code),
        Error::WatchFailed(source) => ("the watch broke", Some(source)),
        Error::NoResourceVersion => ("an object has no resourceVersion", None),
    };
    match source {
        Some(ClientError::Api(status)) => format!("{what}: {} {}", status.code, status.reason),
        Some(ClientError::SerdeError(_)) => format!("{what}: an object is not of its type"),
        Some(ClientError::Service(_) | ClientError::HyperError(_) | ClientError::ReadEvents(_)) => {
            format!("{what}: no connection to the API server")
        }
        Some(_) | None => what.to_owned(),
    }
}

/// Tracks whether every watch has listed its objects once. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Readiness {
    /// The number of watches that have not listed yet.
    pending: watch::Sender<usize>,
}

/// One watch that readiness waits for.
pub(crate) struct Listing(Option<watch::Sender<usize>>);

impl Readiness {
    pub(crate) fn add_watch(&self) -> Listing {
        self.pending.send_modify(|pending| *pending += 1);
        Listing(Some(self.pending.clone()))
    }

    /// Waits until each watch that was added has listed once.
    pub(crate) async fn wait(&self) {
        let mut pending = self.pending.subscribe();
        pending.wait_for(|pending| *pending == 0).await.expect("this holds the sender");
    }
}

impl Listing {
    /// The watch has a full list. Only the first call counts.
    pub(crate) fn complete(&mut self) {
        if let Some(pending) = self.0.take() {
            pending.send_modify(|pending| *pending -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readiness_waits_for_every_watch() {
        let readiness = Readiness::default();
        let (mut first, mut second) = (readiness.add_watch(), readiness.add_watch());
        let second_wait = Duration::from_secs(1);
        first.complete();
        first.complete();
        assert!(tokio::time::timeout(second_wait, readiness.wait()).await.is_err());
        second.complete();
        assert!(tokio::time::timeout(second_wait, readiness.wait()).await.is_ok());
    }
}
