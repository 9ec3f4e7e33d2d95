//! Makes the one write that a plan asks for.

use std::sync::Arc;

use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};

use super::{
    desired::Desired,
    index::{SecretIndex, Seen},
    object::SecretObject,
    plan::{Change, plan},
};
use crate::{
    FIELD_MANAGER,
    api::{RequestError, request},
    key::ObjectKey,
    reason::{Failure, Reason},
};

/// How often a plan is made anew when others write at the same moment.
const ATTEMPTS: usize = 5;

/// What became of the Secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Applied {
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

    /// Makes the Secret as desired. At most one write.
    ///
    /// # Errors
    /// `NotOwned` and `Immutable` by plan, `Conflict` when others keep writing, what the API server
    /// refuses, and the ends of [`ApplyError`].
    pub async fn apply(&self, desired: &Desired) -> Result<(Applied, Seen), ApplyError> {
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), &desired.key.namespace);
        let was_known = self.index.contains(&desired.key);
        let mut read = was_known;
        for _ in 0..ATTEMPTS {
            if read {
                let Some(existing) = get(&api, &desired.key).await? else {
                    if was_known {
                        return Err(ApplyError::Vanished);
                    }
                    read = false;
                    continue;
                };
                match plan(&existing, desired).map_err(ApplyError::Failed)? {
                    Change::None => return Ok((Applied::Unchanged, self.index.note(&existing))),
                    Change::Patch(patch) => {
                        if let Some(written) = change(&api, &desired.key, &patch).await? {
                            return Ok((Applied::Updated, self.index.note(&written)));
                        }
                    }
                }
            } else if let Some(written) = create(&api, desired).await? {
                return Ok((Applied::Created, self.index.note(&written)));
            } else {
                read = true;
            }
        }
        Err(ApplyError::Failed(Failure::new(
            Reason::Conflict,
            format!("others keep changing Secret {}", desired.key),
        )))
    }
}

async fn get(api: &Api<SecretObject>, key: &ObjectKey) -> Result<Option<SecretObject>, ApplyError> {
    request(api.get_opt(&key.name)).await.map_err(|error| failed(&error, "read", key))
}

/// None when one of that name exists.
async fn create(
    api: &Api<SecretObject>,
    desired: &Desired,
) -> Result<Option<SecretObject>, ApplyError> {
    let params = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
    let body = serde_json::to_vec(desired).expect("a Secret is JSON");
    let create = async {
        let request = kube::core::Request::new(api.resource_url())
            .create(&params, body)
            .map_err(kube::Error::BuildRequest)?;
        api.clone().into_client().request::<SecretObject>(request).await
    };
    match request(create).await {
        Ok(created) => Ok(Some(created)),
        Err(error) if error.is_conflict() => Ok(None),
        Err(error) if error.is_namespace_terminating() || error.is_not_found() => {
            Err(ApplyError::NamespaceGone)
        }
        Err(error) => Err(failed(&error, "create", &desired.key)),
    }
}

/// None when the Secret is not the one that the patch was made for.
async fn change(
    api: &Api<SecretObject>,
    key: &ObjectKey,
    patch: &super::plan::Patch,
) -> Result<Option<SecretObject>, ApplyError> {
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
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
