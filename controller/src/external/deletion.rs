//! What is deleted: Secrets whose values are gone or whose target was renamed, where the operator gives
//! that right; and External Secrets' finalizer, off objects that are going.

use crds::ExternalSecret;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use tracing::{info, warn};

use super::{
    conclude::{BACK_OFF_PASSING, Ended, Synced, failed},
    controller::{ExternalSecretController, NO_DELETE},
    index::ExternalSecretEntry,
    store::StoreKey,
    versions::Versions,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::FIELD_MANAGER,
    runtime::api::request,
    runtime::events::Severity,
    runtime::queue::Priority,
    target::{Applied, Deletion},
};

impl ExternalSecretController {
    /// Deletes the Secret, since AWS has no value any more and the object asks for that.
    pub(super) async fn delete(&self, known: &ExternalSecretEntry, missing: Vec<String>) -> Ended {
        let is_deleted = match self.delete_owned(&known.target(), known.uid()).await {
            Ok(deletion) => deletion == Deletion::Deleted,
            Err(failure) => return failed(NO_DELETE, failure),
        };
        Ended::Done(Synced {
            reason: "SecretDeleted",
            message: "secret deleted due to DeletionPolicy=Delete",
            binding: false,
            applied: Applied::Absent,
            is_deleted,
            versions: Versions::default(),
            fingerprint: None,
            missing,
        })
    }

    /// Says that a Secret was deleted.
    pub(super) async fn deleted(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        message: &str,
    ) {
        info!(object = %key, message, "deleted");
        self.events.publish(&*known.object, Severity::Normal, "Deleted", message).await;
    }

    /// Deletes a Secret, if the object with this uid owns it.
    pub(super) async fn delete_owned(
        &self,
        secret: &ObjectKey,
        uid: &str,
    ) -> Result<Deletion, Failure> {
        self.writer.delete(secret, uid).await.map_err(|failure| match failure.reason {
            Reason::AccessDenied => Failure::new(
                Reason::AccessDenied,
                format!(
                    "the controller may not delete Secret {secret}: set \
                     externalSecrets.allowDelete=true in its chart, or delete the Secret yourself"
                ),
            ),
            _ => failure,
        })
    }

    /// Takes External Secrets' finalizer off an object that is being deleted: its owner reference does
    /// what that was for.
    pub(super) async fn release(&self, key: &ObjectKey, known: &ExternalSecretEntry) {
        let metadata = &known.object.metadata;
        let finalizers = metadata.finalizers.clone().unwrap_or_default();
        if !finalizers.iter().any(|finalizer| finalizer == ExternalSecret::PEER_FINALIZER) {
            return;
        }
        let stores = self.stores_of(&known.object, &key.namespace);
        let is_unseen = |store: &StoreKey| store.namespace.is_none();
        if !self.settings.has_cluster_stores && stores.keys().any(is_unseen) {
            return;
        }
        let class = &self.settings.class;
        let mut stores = stores.values().flatten();
        if stores.any(|store| store.is_foreign(class) || store.other_provider().is_some()) {
            return;
        }
        let others = finalizers.iter().filter(|name| *name != ExternalSecret::PEER_FINALIZER);
        let body = json!({ "metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "finalizers": others.collect::<Vec<_>>(),
        } });
        let api: Api<ExternalSecret> = Api::namespaced(self.client.clone(), &key.namespace);
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        match request(api.patch_metadata(&key.name, &params, &Patch::Merge(&body))).await {
            Ok(_) => info!(object = %key, "released for deletion"),
            // Gone, or changed: its own event comes.
            Err(error) if error.is_not_found() || error.is_conflict() => {}
            Err(error) => {
                let failure =
                    error.failure(&format!("take the finalizer off ExternalSecret {key}"));
                warn!(object = %key, reason = %failure.reason, message = failure.message, "not released");
                self.queue.add(key.clone(), Priority::Retry, BACK_OFF_PASSING);
            }
        }
    }
}
