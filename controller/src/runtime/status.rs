//! The writer of status subresources.

use std::fmt::Debug;

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::{
    Api, Client, Resource,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::api::{FIELD_MANAGER, RequestError, request};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
};

/// The result of writing a status.
#[derive(Debug)]
pub(crate) enum StatusWrite<K> {
    /// The object with its status, as the API server has it now.
    Written(Box<K>),
    /// The object was deleted or replaced: its own watch event follows.
    Unchanged,
    /// The schema of the CRD in the cluster refuses it.
    Invalid(Failure),
    Failed(Failure),
}

/// Writes statuses. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusWriter {
    client: Client,
}

impl StatusWriter {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Merges `status` into that of a namespaced object, if it is still the one with this uid.
    pub(crate) async fn write<K>(
        &self,
        key: &ObjectKey,
        uid: &str,
        status: &impl Serialize,
    ) -> StatusWrite<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let api = Api::namespaced(self.client.clone(), &key.namespace);
        patch(&api, &format!("{} {key}", K::kind(&())), &key.name, uid, status).await
    }

    /// The same for a cluster-scoped object.
    pub(crate) async fn write_cluster_scoped<K>(
        &self,
        name: &str,
        uid: &str,
        status: &impl Serialize,
    ) -> StatusWrite<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
        K: Clone + Debug + DeserializeOwned,
    {
        let api = Api::all(self.client.clone());
        patch(&api, &format!("{} {name}", K::kind(&())), name, uid, status).await
    }
}

async fn patch<K>(
    api: &Api<K>,
    object: &str,
    name: &str,
    uid: &str,
    status: &impl Serialize,
) -> StatusWrite<K>
where
    K: Clone + Debug + DeserializeOwned,
{
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    // The uid is a precondition: another object of that name must not get this status.
    let body = json!({ "metadata": { "uid": uid }, "status": status });
    match request(api.patch_status(name, &params, &Patch::Merge(&body))).await {
        Ok(written) => StatusWrite::Written(Box::new(written)),
        Err(error) if error.is_not_found() || error.is_conflict() => StatusWrite::Unchanged,
        Err(error) => refused(&error, object),
    }
}

fn refused<K>(error: &RequestError, object: &str) -> StatusWrite<K> {
    let mut failure = error.failure(&format!("write the status of {object}"));
    // The API server refuses the status, not the Secret.
    if failure.reason == Reason::InvalidSecret {
        failure.reason = Reason::Unavailable;
    }
    if error.is_invalid() { StatusWrite::Invalid(failure) } else { StatusWrite::Failed(failure) }
}
