//! The request that creates a Secret.

use kube::{Api, Client, api::PostParams};

use super::{body::SecretBody, object::SecretObject};
use crate::runtime::api::{RequestError, request};

/// Creates a Secret under this field manager. Never overwrites one that exists.
///
/// # Errors
/// What the API server answers: a conflict when a Secret of this name exists.
pub(crate) async fn create(
    client: &Client,
    field_manager: &str,
    body: &SecretBody<'_>,
) -> Result<SecretObject, RequestError> {
    let api: Api<SecretObject> = Api::namespaced(client.clone(), body.namespace());
    let field_manager = Some(field_manager.to_owned());
    let params = PostParams { field_manager, ..PostParams::default() };
    let json = body.to_json();
    request(async {
        let request = kube::core::Request::new(api.resource_url())
            .create(&params, json.to_vec())
            .map_err(kube::Error::BuildRequest)?;
        client.request(request).await
    })
    .await
}
