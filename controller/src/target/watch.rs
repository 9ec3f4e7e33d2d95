//! The one watch of Secrets. Subscribers are notified of changes, and never see data.

use std::sync::Arc;

use kube::{Client, api::ObjectMeta};

use super::{index::SecretIndex, snapshot::SecretSnapshot};
use crate::{
    key::ObjectKey,
    runtime::{
        scope::NamespaceScope,
        secret::SecretObject,
        watch::{LARGE_OBJECTS_PAGE, Listing, Watch, WatchEvent},
    },
};

/// Helm stores releases in Secrets of up to 1 MiB, which no controller here writes or reads.
const NOT_HELM: &str = "type!=helm.sh/release.v1";

/// A Secret before and after a change. None if it does not exist.
pub(crate) struct SecretChange<'a> {
    pub(crate) key: &'a ObjectKey,
    pub(crate) before: Option<SecretSnapshot>,
    pub(crate) after: Option<SecretSnapshot>,
    /// The Secret is part of a full list, so it may be unchanged.
    pub(crate) is_listed: bool,
}

/// A controller that depends on Secrets.
pub(crate) trait SecretSubscriber: Send + Sync {
    /// Called after the index has the change.
    fn secret_changed(&self, change: &SecretChange<'_>);
}

/// A controller that reads annotations of SealedSecrets. Their Secrets have the same names.
pub(crate) trait SealedSecretSubscriber: Send + Sync {
    /// A SealedSecret was listed or changed.
    fn sealed_secret_applied(self: Arc<Self>, metadata: &ObjectMeta);

    fn sealed_secret_deleted(&self, key: &ObjectKey);
}

/// Watches Secrets, keeps the index up to date, and informs the subscribers.
pub(crate) struct SecretWatch {
    pub(crate) client: Client,
    pub(crate) secrets: Arc<SecretIndex>,
    pub(crate) subscribers: Vec<Arc<dyn SecretSubscriber>>,
}

impl SecretWatch {
    /// Watches the Secrets in a scope until the process ends.
    pub(crate) async fn run(self: Arc<Self>, scope: NamespaceScope, mut listing: Listing) {
        let api = scope.api(self.client.clone());
        let handle = |event: WatchEvent<SecretObject>| match event {
            WatchEvent::Applied { object, is_listed } => {
                let key = &ObjectKey::of(&object.metadata);
                let before = self.secrets.get(key);
                let after = Some(self.secrets.watched(&object));
                self.publish(&SecretChange { key, before, after, is_listed });
            }
            WatchEvent::Deleted(metadata) => {
                let key = &ObjectKey::of(&metadata);
                let before = self.secrets.get(key);
                if self.secrets.remove(&metadata) {
                    self.publish(&SecretChange { key, before, after: None, is_listed: false });
                }
            }
            WatchEvent::Listed(listed) => {
                let keep = |key: &ObjectKey| !scope.covers(key) || listed.contains(key);
                for key in &self.secrets.retain(keep) {
                    let (before, after) = (None, None);
                    self.publish(&SecretChange { key, before, after, is_listed: false });
                }
                listing.complete();
            }
            WatchEvent::Absent(_) => {}
        };
        let watch = Watch::new(api, scope.describe("Secrets")).fields(NOT_HELM);
        watch.page(LARGE_OBJECTS_PAGE).run(handle).await;
    }

    fn publish(&self, change: &SecretChange<'_>) {
        for subscriber in &self.subscribers {
            subscriber.secret_changed(change);
        }
    }
}
