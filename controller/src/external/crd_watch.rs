//! A watch of a kind whose CRD may be missing, or that the controller may have no permission to watch.

use std::{fmt::Debug, time::Duration};

use kube::{
    Api, Resource,
    runtime::watcher::{Config, Event},
};
use serde::de::DeserializeOwned;
use tracing::info;

use crate::runtime::watch::{Absence, follow_while_served};

/// How often a watch that the API server refused is started again.
const CRD_POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Hands every event to `handle`, or None each time the API server refuses the watch.
pub(super) async fn watch_served<K>(
    api: Api<K>,
    config: Config,
    what: &str,
    mut handle: impl FnMut(Option<Event<K>>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    loop {
        let absence =
            follow_while_served(api.clone(), config.clone(), what, |event| handle(Some(event)));
        let why = match absence.await {
            Absence::NotServed => "the API server does not serve the kind",
            Absence::Forbidden => "the controller has no permission to watch the kind",
        };
        info!(what, why, retry_seconds = CRD_POLL_INTERVAL.as_secs(), "not watched");
        handle(None);
        tokio::time::sleep(CRD_POLL_INTERVAL).await;
    }
}
