//! Makes the one write of a plan.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};

use super::{
    index::SecretIndex, ownership::Refusal, patch::SecretPatch, policy::Policy,
    snapshot::SecretSnapshot,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        api::{RequestError, request},
        secret::{self, SecretObject, controller_of},
    },
};

/// How often to plan again after conflicts with other writers.
const MAX_ATTEMPTS: usize = 5;

/// The result of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Applied {
    /// It does not exist, and the target does not create it.
    Absent,
    Created,
    Unchanged,
    Updated,
}

/// The result of deleting a Secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Deletion {
    Deleted,
    Missing,
    /// Another object controls it, or no object does.
    NotOwned,
}

/// Why the writer wrote nothing.
#[derive(Debug)]
pub(crate) enum ApplyError {
    Refused(Refusal),
    Failed(Failure),
    /// The namespace is being deleted or does not exist, so no write is needed.
    NamespaceGone,
    /// It was deleted at this time. A user may be about to create another one.
    Vanished,
}

/// A Secret as a custom resource describes it.
pub(crate) trait SecretTarget: Sync {
    fn key(&self) -> &ObjectKey;

    /// The name under which it is written (`metadata.managedFields`).
    fn field_manager(&self) -> &str;

    /// The Secret to create, unless the target only changes one that exists.
    fn creation(&self) -> Option<SecretObject>;

    /// The desired content of the existing Secret.
    fn plan(&self, existing: &SecretObject) -> Result<SecretObject, Refusal>;
}

/// Writes the Secrets that the policy permits, and updates the index with them.
pub(crate) struct Writer {
    client: Client,
    index: Arc<SecretIndex>,
    pub(crate) policy: Policy,
}

/// How an attempt continues.
enum Step {
    Create,
    Update,
    Done(Applied, Option<SecretSnapshot>),
}

impl Writer {
    pub(crate) fn new(client: Client, index: Arc<SecretIndex>, policy: Policy) -> Self {
        Self { client, index, policy }
    }

    /// Brings the Secret into the desired state with at most one write, and returns its snapshot.
    /// Fails with `Conflict` if other clients keep writing.
    pub(crate) async fn apply(
        &self,
        target: &impl SecretTarget,
    ) -> Result<(Applied, Option<SecretSnapshot>), ApplyError> {
        let key = target.key();
        let known = self.index.get(key);
        let mut step = if known.is_some() { Step::Update } else { Step::Create };
        for _ in 0..MAX_ATTEMPTS {
            step = match step {
                Step::Create => self.create_new(target).await?,
                _ => self.update_existing(target, known.as_ref()).await?,
            };
            if let Step::Done(applied, snapshot) = step {
                return Ok((applied, snapshot));
            }
        }
        let message = format!("other clients keep changing Secret {key}");
        Err(ApplyError::Failed(Failure::new(Reason::Conflict, message)))
    }

    /// Deletes the Secret if the object with this uid controls it. Fails with `Conflict` if the
    /// Secret has changed since it was read.
    pub(crate) async fn delete(&self, secret: &ObjectKey, uid: &str) -> Result<Deletion, Failure> {
        let failed = |error: RequestError| error.failure(&format!("delete Secret {secret}"));
        let api = self.api(secret);
        let existing = request(api.get_opt(&secret.name)).await.map_err(failed)?;
        let Some(existing) = existing else { return Ok(Deletion::Missing) };
        if controller_of(&existing.metadata).is_none_or(|owner| owner.uid != uid) {
            return Ok(Deletion::NotOwned);
        }
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: existing.uid(),
            resource_version: existing.resource_version(),
        });
        match request(api.delete(&secret.name, &params)).await {
            Ok(_) => Ok(Deletion::Deleted),
            Err(error) if error.is_not_found() => Ok(Deletion::Missing),
            Err(error) => Err(failed(error)),
        }
    }

    async fn create_new(&self, target: &impl SecretTarget) -> Result<Step, ApplyError> {
        let Some(secret) = target.creation() else { return Ok(Step::Done(Applied::Absent, None)) };
        self.policy.check(None, &secret).map_err(ApplyError::Failed)?;
        match secret::create(&self.client, target.field_manager(), &secret).await {
            Ok(created) => Ok(self.done(Applied::Created, &created)),
            Err(error) if error.is_conflict() => Ok(Step::Update),
            Err(error) if error.is_namespace_terminating() || error.is_not_found() => {
                Err(ApplyError::NamespaceGone)
            }
            Err(error) => Err(failed(&error, "create", target.key())),
        }
    }

    async fn update_existing(
        &self,
        target: &impl SecretTarget,
        known: Option<&SecretSnapshot>,
    ) -> Result<Step, ApplyError> {
        let key = target.key();
        let api = self.api(key);
        let existing = request(api.get_opt(&key.name)).await;
        let Some(existing) = existing.map_err(|error| failed(&error, "read", key))? else {
            if let Some(snapshot) = known {
                self.index.remove_missing(key, snapshot);
            }
            return Err(ApplyError::Vanished);
        };
        let wanted = target.plan(&existing).map_err(ApplyError::Refused)?;
        self.policy.check(Some(&existing), &wanted).map_err(ApplyError::Failed)?;
        let patch = SecretPatch::between(&existing, &wanted).map_err(ApplyError::Refused)?;
        if patch.is_empty() {
            return Ok(self.done(Applied::Unchanged, &existing));
        }
        let gives_owner = patch.gives_owner();
        let field_manager = Some(target.field_manager().to_owned());
        let params = PatchParams { field_manager, ..PatchParams::default() };
        match request(api.patch(&key.name, &params, &Patch::Merge(patch))).await {
            Ok(changed) => Ok(self.done(Applied::Updated, &changed)),
            Err(error) if error.is_conflict() => Ok(Step::Update),
            Err(error) if error.is_not_found() => Err(ApplyError::Vanished),
            Err(error) if gives_owner && error.is_forbidden() => {
                let mut failure = error.failure(&format!("change Secret {key} and its owners"));
                failure.message.push_str(OWNERS_NEED_DELETE);
                Err(ApplyError::Failed(failure))
            }
            Err(error) => Err(failed(&error, "change", key)),
        }
    }

    fn done(&self, applied: Applied, secret: &SecretObject) -> Step {
        Step::Done(applied, Some(self.index.upsert(secret)))
    }

    fn api(&self, secret: &ObjectKey) -> Api<SecretObject> {
        Api::namespaced(self.client.clone(), &secret.namespace)
    }
}

/// The admission plug-in `OwnerReferencesPermissionEnforcement` is on there.
const OWNERS_NEED_DELETE: &str = ". Clusters such as OpenShift also require the right to delete Secrets \
                                  for this: set externalSecrets.allowDelete in the chart";

fn failed(error: &RequestError, verb: &str, key: &ObjectKey) -> ApplyError {
    ApplyError::Failed(error.failure(&format!("{verb} Secret {key}")))
}
