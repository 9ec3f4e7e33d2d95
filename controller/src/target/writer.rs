//! Makes the one write that a plan asks for.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};

use super::{
    index::SecretIndex,
    patch::{Change, SecretPatch},
    refusal::Refusal,
    snapshot::SecretSnapshot,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{
        api::{RequestError, request},
        secret::{self, SecretBody, SecretObject, controller_of},
    },
};

/// How often to plan again when others write at the same moment.
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
    /// Another object controls it, or none.
    NotOwned,
}

/// Why the writer wrote nothing.
#[derive(Debug)]
pub(crate) enum ApplyError {
    Refused(Refusal),
    Failed(Failure),
    /// The namespace is terminating or gone, so there is nothing to write for.
    NamespaceGone,
    /// It was deleted at this moment. Somebody may be about to create another one.
    Vanished,
}

/// A Secret as a custom resource wants it.
pub(crate) trait SecretTarget: Sync {
    fn key(&self) -> &ObjectKey;

    /// The name under which it is written (`metadata.managedFields`).
    fn field_manager(&self) -> &str;

    /// The Secret to create, unless the target only changes one that exists.
    fn creation(&self) -> Option<SecretBody<'_>>;

    /// The change that turns the existing Secret into the desired one.
    ///
    /// # Errors
    /// When it must stay as it is.
    fn plan(&self, existing: &SecretObject) -> Result<Change, Refusal>;
}

/// Writes Secrets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    client: Client,
    index: Arc<SecretIndex>,
}

/// The next request of [`Writer::apply`].
enum Step {
    Create,
    Update,
}

/// The result of one attempt.
enum Attempt {
    Done(Applied, Option<SecretSnapshot>),
    /// There is no Secret to update.
    Missing,
    /// The Secret exists, or changed since it was read.
    Outdated,
}

impl Writer {
    /// A writer that enters into the index what it writes.
    pub(crate) fn new(client: Client, index: Arc<SecretIndex>) -> Self {
        Self { client, index }
    }

    /// Brings the Secret into the wanted state with at most one write. Returns the snapshot of the
    /// Secret after it.
    ///
    /// # Errors
    /// What the plan refuses, `Conflict` when others keep writing, and what the API server refuses.
    pub(crate) async fn apply(
        &self,
        target: &impl SecretTarget,
    ) -> Result<(Applied, Option<SecretSnapshot>), ApplyError> {
        let key = target.key();
        let known = self.index.get(key);
        let mut step = if known.is_some() { Step::Update } else { Step::Create };
        for _ in 0..MAX_ATTEMPTS {
            let attempt = match step {
                Step::Create => self.create_new(target).await?,
                Step::Update => self.update_existing(target).await?,
            };
            step = match (attempt, &known) {
                (Attempt::Done(applied, snapshot), _) => return Ok((applied, snapshot)),
                (Attempt::Missing, Some(snapshot)) => {
                    self.index.remove_missing(key, snapshot);
                    return Err(ApplyError::Vanished);
                }
                (Attempt::Missing, None) => Step::Create,
                (Attempt::Outdated, _) => Step::Update,
            };
        }
        let message = format!("others keep changing Secret {key}");
        Err(ApplyError::Failed(Failure::new(Reason::Conflict, message)))
    }

    /// Deletes the Secret if the object with this uid controls it, and only as it was read.
    ///
    /// # Errors
    /// What the API server refuses, `Conflict` when the Secret has changed since it was read.
    pub(crate) async fn delete(
        &self,
        secret: &ObjectKey,
        owner_uid: &str,
    ) -> Result<Deletion, Failure> {
        let failed = |error: RequestError| error.failure(&format!("delete Secret {secret}"));
        let api = self.api(secret);
        let existing = request(api.get_opt(&secret.name)).await.map_err(failed)?;
        let Some(existing) = existing else { return Ok(Deletion::Missing) };
        if controller_of(&existing.metadata).is_none_or(|owner| owner.uid != owner_uid) {
            return Ok(Deletion::NotOwned);
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: existing.metadata.uid.clone(),
                resource_version: existing.metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        match request(api.delete(&secret.name, &params)).await {
            Ok(_) => Ok(Deletion::Deleted),
            Err(error) if error.is_not_found() => Ok(Deletion::Missing),
            Err(error) => Err(failed(error)),
        }
    }

    async fn create_new(&self, target: &impl SecretTarget) -> Result<Attempt, ApplyError> {
        let Some(body) = target.creation() else {
            return Ok(Attempt::Done(Applied::Absent, None));
        };
        match secret::create(&self.client, target.field_manager(), &body).await {
            Ok(created) => Ok(Attempt::Done(Applied::Created, Some(self.index.upsert(&created)))),
            Err(error) if error.is_conflict() => Ok(Attempt::Outdated),
            Err(error) if error.is_namespace_terminating() || error.is_not_found() => {
                Err(ApplyError::NamespaceGone)
            }
            Err(error) => Err(failed(&error, "create", target.key())),
        }
    }

    async fn update_existing(&self, target: &impl SecretTarget) -> Result<Attempt, ApplyError> {
        let key = target.key();
        let existing = request(self.api(key).get_opt(&key.name)).await;
        let Some(existing) = existing.map_err(|error| failed(&error, "read", key))? else {
            return Ok(Attempt::Missing);
        };
        match target.plan(&existing).map_err(ApplyError::Refused)? {
            Change::None => {
                Ok(Attempt::Done(Applied::Unchanged, Some(self.index.upsert(&existing))))
            }
            Change::Patch(patch) => self.patch(target, &patch).await,
        }
    }

    async fn patch(
        &self,
        target: &impl SecretTarget,
        patch: &SecretPatch,
    ) -> Result<Attempt, ApplyError> {
        let key = target.key();
        let field_manager = Some(target.field_manager().to_owned());
        let params = PatchParams { field_manager, ..PatchParams::default() };
        match request(self.api(key).patch(&key.name, &params, &Patch::Merge(patch))).await {
            Ok(changed) => Ok(Attempt::Done(Applied::Updated, Some(self.index.upsert(&changed)))),
            Err(error) if error.is_conflict() => Ok(Attempt::Outdated),
            Err(error) if error.is_not_found() => Err(ApplyError::Vanished),
            Err(error) => Err(failed(&error, "change", key)),
        }
    }

    fn api(&self, secret: &ObjectKey) -> Api<SecretObject> {
        Api::namespaced(self.client.clone(), &secret.namespace)
    }
}

fn failed(error: &RequestError, verb: &str, key: &ObjectKey) -> ApplyError {
    ApplyError::Failed(error.failure(&format!("{verb} Secret {key}")))
}
