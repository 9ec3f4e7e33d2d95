//! Writes and deletes the Secret of an ExternalSecret, with the one writer of Secrets.

use crds::{
    ExternalSecret,
    external_secret::{CreationPolicy, DeletionPolicy},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;
use tracing::info;

use super::{
    index::ExternalSecretEntry,
    outcome::{
        IMMUTABLE_TARGET, NO_DELETE, NO_ORPHAN_DELETE, NO_OWNERSHIP, NO_UPDATE, OWNED_BY_ANOTHER,
        SecretChange, SyncError, SyncFailure, Synced,
    },
    refresh::Refresher,
    render::RenderedSecret,
    versions::Versions,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{events::Severity, index::Indexed as _},
    target::{
        Applied, ApplyError, Deletion, ExternalSecretTarget, Refusal, data_hash,
        policy::{check_keys, check_labels},
    },
};

impl Refresher {
    /// Brings the Secret in sync with the values.
    pub(super) async fn sync_secret(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        rendered: RenderedSecret,
    ) -> Result<Synced, SyncError> {
        let target = &entry.object.spec.target;
        if !rendered.has_no_values {
            return self.write(key, entry, rendered).await;
        }
        match (target.deletion_policy, target.creation_policy) {
            (DeletionPolicy::Merge, _) => self.write(key, entry, rendered).await,
            (DeletionPolicy::Retain, _) => Ok(Synced::without_read(SecretChange::Retained, entry)),
            (DeletionPolicy::Delete, CreationPolicy::Owner) => {
                self.delete(entry, rendered.missing).await
            }
            (DeletionPolicy::Delete, _) => {
                let message = "all values are missing, and deletionPolicy Delete only deletes Secrets \
                               of creationPolicy Owner: change one of the two";
                let failure = Failure::new(Reason::Malformed, message);
                Err(SyncFailure::new(NO_DELETE, failure).into())
            }
        }
    }

    /// Writes the Secret, and deletes Secrets that the object wrote under other names.
    async fn write(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        rendered: RenderedSecret,
    ) -> Result<Synced, SyncError> {
        let secret = entry.target();
        self.check(&secret, &rendered).map_err(|failure| SyncFailure::new(NO_UPDATE, failure))?;
        let (versions, missing) = (rendered.versions.clone(), rendered.missing.clone());
        let existed = self.context.secrets.contains(&secret);
        let not_written = |message, failure| {
            let failure = SyncFailure::new(message, failure);
            SyncError::Failed(SyncFailure { has_binding: existed, ..failure })
        };
        let applied = self.context.writer.apply(&self.desired(key, entry, rendered)).await;
        let (change, written) = match applied {
            Ok((Applied::Absent, _)) => {
                return Ok(Synced::without_read(SecretChange::NoMergeTarget, entry));
            }
            Ok((Applied::Created, written)) => (SecretChange::Created, written),
            Ok((Applied::Updated, written)) => (SecretChange::Updated, written),
            Ok((Applied::Unchanged, written)) => (SecretChange::Unchanged, written),
            Err(ApplyError::NamespaceGone) => return Err(SyncError::NamespaceGone),
            Err(ApplyError::Vanished) => return Err(SyncError::Superseded),
            Err(ApplyError::Failed(failure)) => return Err(not_written(NO_UPDATE, failure)),
            Err(ApplyError::Refused(refusal)) => {
                return Err(not_written(refusal_message(&refusal), refusal.failure()));
            }
        };
        if let Err(failure) = self.delete_renamed(key, entry, &secret).await {
            return Err(SyncError::Failed(SyncFailure {
                versions: Some(Box::new(versions)),
                ..SyncFailure::new(NO_ORPHAN_DELETE, failure)
            }));
        }
        let fingerprint = written.filter(|_| !self.settings.writes_data_hash);
        Ok(Synced {
            change,
            versions,
            fingerprint: fingerprint.map(|secret| secret.content.to_string()),
            missing,
        })
    }

    fn check(&self, secret: &ObjectKey, rendered: &RenderedSecret) -> Result<(), Failure> {
        let type_ = rendered.type_.as_deref().unwrap_or_default();
        self.context.policy.check(secret, type_, &rendered.labels)?;
        check_labels(&rendered.labels)?;
        check_keys(rendered.data.keys())
    }

    fn desired(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        rendered: RenderedSecret,
    ) -> ExternalSecretTarget {
        let target = &entry.object.spec.target;
        ExternalSecretTarget {
            key: entry.target(),
            name: key.name.clone(),
            owner: OwnerReference {
                api_version: ExternalSecret::api_version(&()).into_owned(),
                kind: ExternalSecret::kind(&()).into_owned(),
                name: key.name.clone(),
                uid: entry.uid().to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            },
            policy: target.creation_policy,
            field_manager: data_hash::field_manager(&key.name),
            type_: rendered.type_,
            immutable: target.immutable,
            labels: rendered.labels,
            annotations: rendered.annotations,
            finalizers: rendered.finalizers,
            data: rendered.data,
            writes_data_hash: self.settings.writes_data_hash,
            requires_consent: self.settings.requires_consent,
        }
    }

    async fn delete(
        &self,
        entry: &ExternalSecretEntry,
        missing: Vec<String>,
    ) -> Result<Synced, SyncError> {
        let deletion = self.delete_owned(&entry.target(), entry.uid()).await;
        let deletion = deletion.map_err(|failure| SyncFailure::new(NO_DELETE, failure))?;
        let change = SecretChange::Deleted { existed: deletion == Deletion::Deleted };
        Ok(Synced { change, versions: Versions::default(), fingerprint: None, missing })
    }

    /// Deletes the Secrets that the object wrote under earlier names of its target. Some may be left from
    /// more than one change of the name, so the index is searched after each change of the object.
    async fn delete_renamed(
        &self,
        key: &ObjectKey,
        entry: &ExternalSecretEntry,
        secret: &ObjectKey,
    ) -> Result<(), Failure> {
        let old = entry.status.binding.name.as_str();
        let is_renamed = !old.is_empty() && old != secret.name;
        let is_changed = entry.synced.as_ref().is_some_and(|synced| *synced != entry.current);
        let is_owner = entry.object.spec.target.creation_policy == CreationPolicy::Owner;
        if !is_owner || !is_renamed && !is_changed {
            return Ok(());
        }
        let by = data_hash::created_by(&key.namespace, &key.name);
        for orphan in self.context.secrets.created_by(&key.namespace, &by) {
            if orphan != *secret
                && self.delete_owned(&orphan, entry.uid()).await? == Deletion::Deleted
            {
                let message =
                    format!("secret {} deleted: the target has another name", orphan.name);
                info!(object = %key, message, "deleted");
                let object = &*entry.object;
                self.context.events.publish(object, Severity::Normal, "Deleted", &message).await;
            }
        }
        Ok(())
    }

    async fn delete_owned(&self, secret: &ObjectKey, uid: &str) -> Result<Deletion, Failure> {
        self.context.writer.delete(secret, uid).await.map_err(|failure| match failure.reason {
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
}

fn refusal_message(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ControlledBy { controller, .. } if &*controller.kind == "ExternalSecret" => {
            OWNED_BY_ANOTHER
        }
        Refusal::Immutable { .. } => IMMUTABLE_TARGET,
        Refusal::TypeDiffers { .. } => NO_UPDATE,
        Refusal::ConsentMissing { .. }
        | Refusal::ControlledBy { .. }
        | Refusal::NotManaged { .. }
        | Refusal::OwnedByEarlierObject { .. } => NO_OWNERSHIP,
    }
}
