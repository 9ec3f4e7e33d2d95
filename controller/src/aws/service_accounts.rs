//! The roles of ServiceAccounts, cached for a short time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use tokio::time::Instant;

use crate::{
    aws::identity::ServiceAccountRole,
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::api::request,
};

const CACHE_TTL: Duration = Duration::from_mins(1);
/// The annotation with the role to assume.
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
/// The annotation with the audience of tokens.
const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

pub(super) struct ServiceAccounts {
    client: Client,
    cached: Mutex<HashMap<ObjectKey, (Instant, ServiceAccountRole)>>,
}

impl ServiceAccounts {
    pub(super) fn new(client: Client) -> Self {
        Self { client, cached: Mutex::default() }
    }

    /// The role of a ServiceAccount, at most a minute old.
    pub(super) async fn role(&self, key: &ObjectKey) -> Result<ServiceAccountRole, Failure> {
        self.lock().retain(|_, (since, _)| since.elapsed() < CACHE_TTL);
        if let Some((_, role)) = self.lock().get(key) {
            return Ok(role.clone());
        }
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &key.namespace);
        let account = request(api.get_opt(&key.name))
            .await
            .map_err(|error| error.failure(&format!("read ServiceAccount {key}")))?;
        let role = role_in(account, key)?;
        self.lock().insert(key.clone(), (Instant::now(), role.clone()));
        Ok(role)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, (Instant, ServiceAccountRole)>> {
        self.cached.lock().expect("no holder of the lock panics")
    }
}

fn role_in(
    account: Option<ServiceAccount>,
    key: &ObjectKey,
) -> Result<ServiceAccountRole, Failure> {
    let invalid = |problem: &str| {
        Failure::new(Reason::StoreInvalid, format!("ServiceAccount {key} {problem}"))
    };
    let metadata = account.ok_or_else(|| invalid("not found"))?.metadata;
    let annotations = metadata.annotations.unwrap_or_default();
    let role = annotations.get(ROLE_ANNOTATION).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| invalid(&format!("has no annotation {ROLE_ANNOTATION}")))?;
    let audience = annotations.get(AUDIENCE_ANNOTATION).map_or(DEFAULT_AUDIENCE, String::as_str);
    Ok(ServiceAccountRole {
        uid: metadata.uid.unwrap_or_default(),
        role: role.clone(),
        audience: audience.to_owned(),
    })
}
