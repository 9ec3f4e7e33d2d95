//! Makes the one write that a plan asks for.

use std::sync::Arc;

use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use zeroize::Zeroizing;

use super::{
    index::{SecretIndex, SecretSnapshot},
    object::SecretObject,
    plan::Change,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::api::{RequestError, request},
};

/// How often a plan is made anew when others write at the same moment.
const ATTEMPTS: usize = 5;

/// What became of the Secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Applied {
    /// It is not there, and is not to be made.
    Absent,
    /// It did not exist.
    Created,
    /// It was as wanted.
    Unchanged,
    /// It was changed.
    Updated,
}

/// Why nothing was written.
#[derive(Debug)]
pub enum ApplyError {
    /// It cannot be, or not now.
    Failed(Failure),
    /// The namespace is going or gone: there is nothing to write for.
    NamespaceGone,
    /// It was deleted under our eyes. Whoever did may be about to create another one.
    Vanished,
}

/// A Secret as a custom resource wants it.
pub trait SecretTarget: Sync {
    /// Namespace and name.
    fn key(&self) -> &ObjectKey;
    /// Under which name it is written (`metadata.managedFields`).
    fn manager(&self) -> &str;
    /// The body of its creation; none if it is not to be made.
    ///
    /// # Errors
    /// Why it cannot be.
    fn body(&self) -> Result<Option<Vec<u8>>, Failure>;
    /// What makes the one that exists as it is wanted.
    ///
    /// # Errors
    /// Why it cannot be.
    fn change(&self, existing: &SecretObject) -> Result<Change, Failure>;
}

/// Writes Secrets. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    index: Arc<SecretIndex>,
}

impl Writer {
    /// A writer that keeps this index in step with what it writes.
    pub fn new(client: Client, index: Arc<SecretIndex>) -> Self {
        Self { client, index }
    }

    /// Makes the Secret as wanted, and tells what it is like then. At most one write.
    ///
    /// # Errors
    /// `NotOwned` and `Immutable` by plan, `Conflict` when others keep writing, what the API server
    /// refuses, and the ends of [`ApplyError`].
    pub async fn apply(
        &self,
        wanted: &impl SecretTarget,
    ) -> Result<(Applied, Option<SecretSnapshot>), ApplyError> {
        let key = wanted.key();
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), &key.namespace);
        let known = self.index.get(key);
        let mut read = known.is_some();
        for _ in 0..ATTEMPTS {
            if read {
                let Some(existing) = get(&api, key).await? else {
                    if let Some(seen) = &known {
                        self.index.lost(key, seen);
                        return Err(ApplyError::Vanished);
                    }
                    read = false;
                    continue;
                };
                match wanted.change(&existing).map_err(ApplyError::Failed)? {
                    Change::None => {
                        return Ok((Applied::Unchanged, Some(self.index.note(&existing))));
                    }
                    Change::Patch(patch) => {
                        if let Some(written) = change(&api, wanted, &patch).await? {
                            return Ok((Applied::Updated, Some(self.index.note(&written))));
                        }
                    }
                }
                continue;
            }
            let body = wanted.body().map_err(ApplyError::Failed)?.map(Zeroizing::new);
            let Some(body) = body else { return Ok((Applied::Absent, None)) };
            if let Some(written) = create(&api, wanted, &body).await? {
                return Ok((Applied::Created, Some(self.index.note(&written))));
            }
            read = true;
        }
        Err(ApplyError::Failed(Failure::new(
            Reason::Conflict,
            format!("others keep changing Secret {key}"),
        )))
    }
}

async fn get(api: &Api<SecretObject>, key: &ObjectKey) -> Result<Option<SecretObject>, ApplyError> {
    request(api.get_opt(&key.name)).await.map_err(|error| failed(&error, "read", key))
}

/// None when one of that name exists.
async fn create(
    api: &Api<SecretObject>,
    wanted: &impl SecretTarget,
    body: &[u8],
) -> Result<Option<SecretObject>, ApplyError> {
    let manager = Some(wanted.manager().to_owned());
    let params = PostParams { field_manager: manager, ..PostParams::default() };
    let create = async {
        let request = kube::core::Request::new(api.resource_url())
            .create(&params, body.to_vec())
            .map_err(kube::Error::BuildRequest)?;
        api.clone().into_client().request::<SecretObject>(request).await
    };
    match request(create).await {
        Ok(created) => Ok(Some(created)),
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) if error.is_namespace_terminating() || error.is_not_found() => {
            Err(ApplyError::NamespaceGone)
        }
        Err(error) => Err(failed(&error, "create", wanted.key())),
    }
}

/// None when the Secret is not the one that the patch was made for.
async fn change(
    api: &Api<SecretObject>,
    wanted: &impl SecretTarget,
    patch: &super::plan::Patch,
) -> Result<Option<SecretObject>, ApplyError> {
    let key = wanted.key();
    let manager = Some(wanted.manager().to_owned());
    let params = PatchParams { field_manager: manager, ..PatchParams::default() };
    match request(api.patch(&key.name, &params, &Patch::Merge(patch))).await {
        Ok(changed) => Ok(Some(changed)),
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) if error.is_not_found() => Err(ApplyError::Vanished),
        Err(error) => Err(failed(&error, "change", key)),
    }
}

fn failed(error: &RequestError, verb: &str, key: &ObjectKey) -> ApplyError {
    ApplyError::Failed(error.failure(&format!("{verb} Secret {key}")))
}
