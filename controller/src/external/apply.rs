//! The Secret that an ExternalSecret asks for, by the one writer of Secrets; and what the writer's refusals
//! mean in External Secrets' words.

use crds::{ExternalSecret, external_secret::CreationPolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;

use super::{
    conclude::{Ended, Synced, Unsynced, done, failed},
    controller::{ExternalSecretController, NO_UPDATE},
    index::ExternalSecretEntry,
    render::Parts,
};
use crate::target::data_hash;
use crate::{
    key::ObjectKey,
    reason::Failure,
    target::{
        Applied, ApplyError, Deletion, ExternalSecretTarget, Refusal,
        policy::{check_keys, check_labels},
    },
};

impl ExternalSecretController {
    /// Writes the Secret, and deletes the one that it was before under another name.
    pub(super) async fn apply(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        parts: Parts,
    ) -> Ended {
        let secret = known.target();
        let type_ = parts.type_.as_deref().unwrap_or_default();
        let allowed = self.policy.check(&secret, type_, &parts.labels);
        let allowed = allowed.and_then(|()| check_labels(&parts.labels));
        if let Err(failure) = allowed.and_then(|()| check_keys(parts.data.keys())) {
            return failed(NO_UPDATE, failure);
        }
        let Parts { versions, missing, .. } = &parts;
        let (versions, missing) = (versions.clone(), missing.clone());
        let existed = self.secrets.contains(&secret);
        match self.writer.apply(&self.wanted(key, known, parts)).await {
            Ok((Applied::Absent, _)) => {
                let message = "secret will not be created due to CreationPolicy=Merge";
                done("SecretMissing", message, known)
            }
            Ok((applied, seen)) => {
                if let Err(failure) = self.clean_up(key, known, &secret).await {
                    let message = "could not delete orphaned secrets";
                    let versions = Some(versions);
                    return Ended::Failed(Unsynced {
                        message,
                        binding: false,
                        complaints: failure.into(),
                        versions,
                    });
                }
                let fingerprint = seen.filter(|_| !self.settings.has_hash);
                Ended::Done(Synced {
                    reason: "SecretSynced",
                    message: "secret synced",
                    binding: true,
                    applied,
                    is_deleted: false,
                    versions,
                    fingerprint: fingerprint.map(|seen| seen.content.to_string()),
                    missing,
                })
            }
            Err(ApplyError::NamespaceGone) => Ended::Nothing,
            Err(ApplyError::Vanished) => Ended::Again,
            Err(ApplyError::Failed(failure)) => not_applied(NO_UPDATE, failure, existed),
            Err(ApplyError::Refused(refusal)) => {
                not_applied(refusal_message(&refusal), refusal.failure(), existed)
            }
        }
    }

    fn wanted(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        parts: Parts,
    ) -> ExternalSecretTarget {
        let target = &known.object.spec.target;
        ExternalSecretTarget {
            key: known.target(),
            name: key.name.clone(),
            owner: OwnerReference {
                api_version: ExternalSecret::api_version(&()).into_owned(),
                kind: ExternalSecret::kind(&()).into_owned(),
                name: key.name.clone(),
                uid: known.uid().to_owned(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            },
            policy: target.creation_policy,
            field_manager: data_hash::field_manager(&key.name),
            type_: parts.type_,
            immutable: target.immutable,
            labels: parts.labels,
            annotations: parts.annotations,
            finalizers: parts.finalizers,
            data: parts.data,
            writes_data_hash: self.settings.has_hash,
            requires_consent: self.settings.needs_consent,
        }
    }

    /// Deletes the Secrets that it made under other names: of a target that was renamed, maybe more than
    /// once before one of them could be deleted. They are looked for where the object has changed.
    async fn clean_up(
        &self,
        key: &ObjectKey,
        known: &ExternalSecretEntry,
        secret: &ObjectKey,
    ) -> Result<(), Failure> {
        let old = known.status.binding.name.as_str();
        let is_renamed = !old.is_empty() && old != secret.name;
        let is_changed = known.synced.as_ref().is_some_and(|synced| *synced != known.current);
        let is_owner = known.object.spec.target.creation_policy == CreationPolicy::Owner;
        if !is_owner || !is_renamed && !is_changed {
            return Ok(());
        }
        let by = data_hash::created_by(&key.namespace, &key.name);
        for orphan in self.secrets.created_by(&key.namespace, &by) {
            if orphan != *secret
                && self.delete_owned(&orphan, known.uid()).await? == Deletion::Deleted
            {
                let message =
                    format!("secret {} deleted: the target has another name", orphan.name);
                self.deleted(key, known, &message).await;
            }
        }
        Ok(())
    }
}

fn not_applied(message: &'static str, failure: Failure, binding: bool) -> Ended {
    Ended::Failed(Unsynced { message, binding, complaints: failure.into(), versions: None })
}

/// External Secrets' message for a refusal.
fn refusal_message(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ControlledBy { controller, .. } if &*controller.kind == "ExternalSecret" => {
            "target is owned by another ExternalSecret"
        }
        Refusal::Immutable { .. } => "could not update secret, target is immutable",
        Refusal::TypeDiffers { .. } => NO_UPDATE,
        Refusal::ConsentMissing { .. }
        | Refusal::ControlledBy { .. }
        | Refusal::NotManaged { .. }
        | Refusal::OwnedByEarlierObject { .. } => "failed to take ownership of target secret",
    }
}
