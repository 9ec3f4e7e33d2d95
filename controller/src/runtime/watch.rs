//! Watches that go on for ever: streamed where the API server can, paged where it cannot.

use std::fmt::Debug;

use futures::StreamExt as _;
use kube::{
    Api, Error as ClientError, Resource,
    runtime::{
        WatchStreamExt as _,
        watcher::{Config, Error, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use tracing::{info, warn};

/// How long the server may hold a watch. A connection that died silently is noticed then, not
/// after the five minutes of the default.
const WATCH_SECONDS: u32 = 60;
/// Objects a page, where lists are paged: 500 Secrets of 1 MiB would be half a gigabyte.
const PAGE: u32 = 50;

/// Why there is nothing to watch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// The API server does not serve the kind.
    NotServed,
    /// The controller may not watch it.
    Forbidden,
}

/// Hands every event of a watch to `handle`. Errors are logged and tried again for ever.
pub async fn follow<K>(api: Api<K>, config: Config, what: &str, mut handle: impl FnMut(Event<K>))
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    // It has no end of its own.
    let _ = follow_until(api, config, what, &mut handle, |_| None).await;
}

/// The same for a kind that may be missing, or that the controller may not see: ends then.
pub async fn follow_while_served<K>(
    api: Api<K>,
    config: Config,
    what: &str,
    mut handle: impl FnMut(Event<K>),
) -> Absence
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    follow_until(api, config, what, &mut handle, absence).await
}

async fn follow_until<K>(
    api: Api<K>,
    config: Config,
    what: &str,
    handle: &mut impl FnMut(Event<K>),
    end: impl Fn(&Error) -> Option<Absence>,
) -> Absence
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let config = config.timeout(WATCH_SECONDS).page_size(PAGE);
    let mut streaming = true;
    loop {
        let config = if streaming { config.clone().streaming_lists() } else { config.clone() };
        let mut events = watcher(api.clone(), config).default_backoff().boxed();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => handle(event),
                Err(error) if streaming && refuses_streaming(&error) => {
                    info!(what, "the API server does not stream lists: they are paged");
                    streaming = false;
                    break;
                }
                Err(error) => {
                    if let Some(absence) = end(&error) {
                        return absence;
                    }
                    warn!(what, error = describe(&error), "the watch is tried again");
                }
            }
        }
    }
}

fn absence(error: &Error) -> Option<Absence> {
    let code = match error {
        Error::InitialListFailed(ClientError::Api(status))
        | Error::WatchStartFailed(ClientError::Api(status)) => status.code,
        _ => return None,
    };
    match code {
        404 => Some(Absence::NotServed),
        403 => Some(Absence::Forbidden),
        _ => None,
    }
}

/// Servers without `WatchList` answer 400 or 422 to `sendInitialEvents` (KEP-3157).
fn refuses_streaming(error: &Error) -> bool {
    matches!(error, Error::WatchStartFailed(ClientError::Api(status)) if [400, 422].contains(&status.code))
}

/// What happened, without the text of the API server: a body that cannot be read may be a Secret.
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
