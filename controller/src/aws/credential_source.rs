//! Fetches the credentials of an identity: the base credentials, then one role after the other.

use std::{
    collections::BTreeMap,
    iter,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, error::CredentialsError},
};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};

use crate::{
    aws::{
        config,
        credentials::FetchCredentials,
        identity::{BaseCredentials, Identity, Role, SecretItemRef, ServiceAccountRef},
        metrics::{AwsMetrics, CallOutcome},
        sts::{ASSUME_ROLE_WITH_WEB_IDENTITY, Sts, web_identity_reason},
    },
    reason::{Failure, Reason},
    runtime::api::request,
    runtime::secret::SecretObject,
};

/// How long keys from Secrets, files and the environment are used before they are read again.
const STATIC_KEYS_TTL: Duration = Duration::from_mins(10);

pub(super) struct CredentialSource {
    client: Client,
    metrics: AwsMetrics,
    identity: Identity,
    sts: Sts,
}

impl CredentialSource {
    pub(super) fn new(
        client: Client,
        metrics: AwsMetrics,
        identity: Identity,
        config: SdkConfig,
    ) -> Self {
        let sts = Sts::new(config, identity.store.clone(), metrics.clone());
        Self { client, metrics, identity, sts }
    }

    pub(super) fn into_fetch(self) -> FetchCredentials {
        let this = Arc::new(self);
        Box::new(move || {
            let this = this.clone();
            Box::pin(async move { this.fetch().await })
        })
    }

    async fn fetch(&self) -> Result<Credentials, Failure> {
        let mut credentials = match &self.identity.base {
            BaseCredentials::Pod => self.pod().await?,
            BaseCredentials::Keys { id, secret, token } => {
                self.keys(id, secret, token.as_ref()).await?
            }
            BaseCredentials::ServiceAccount(reference) => self.service_account(reference).await?,
        };
        let additional = self.identity.additional_roles.iter().map(|arn| Role {
            arn: arn.clone(),
            external_id: None,
            session_tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
        });
        for role in additional.chain(self.identity.role.clone()) {
            credentials = self.sts.assume(&role, credentials).await?;
        }
        Ok(credentials)
    }

    /// The credentials of the controller's Pod or environment.
    async fn pod(&self) -> Result<Credentials, Failure> {
        // The SDK's provider caches the files it has read, so each fetch needs a new one.
        let provider = config::load(&self.identity.region)
            .await
            .credentials_provider()
            .ok_or_else(|| Failure::new(Reason::AccessDenied, no_pod_credentials("")))?;
        let result = provider.provide_credentials().await;
        if sdk_calls_sts() {
            let outcome = match &result {
                Ok(_) => CallOutcome::Succeeded,
                Err(error) => {
                    CallOutcome::Failed(web_identity_reason(error).unwrap_or(Reason::Unavailable))
                }
            };
            let operation = ASSUME_ROLE_WITH_WEB_IDENTITY;
            self.metrics.call(&self.identity.store, operation.provider, operation.name, outcome);
        }
        let mut credentials = result.map_err(|error| pod_failure(&error))?;
        // Keys in files may change.
        credentials.expiry_mut().get_or_insert_with(|| SystemTime::now() + STATIC_KEYS_TTL);
        Ok(credentials)
    }

    async fn keys(
        &self,
        id: &SecretItemRef,
        secret: &SecretItemRef,
        token: Option<&SecretItemRef>,
    ) -> Result<Credentials, Failure> {
        let id = self.secret_item(id).await?;
        let secret = self.secret_item(secret).await?;
        let token = match token {
            Some(token) => Some(self.secret_item(token).await?),
            None => None,
        };
        let expiry = SystemTime::now() + STATIC_KEYS_TTL;
        Ok(Credentials::new(id, secret, token, Some(expiry), "Secret"))
    }

    async fn secret_item(&self, reference: &SecretItemRef) -> Result<String, Failure> {
        let SecretItemRef { secret: key, item, .. } = reference;
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), &key.namespace);
        let secret = request(api.get_opt(&key.name))
            .await
            .map_err(|error| error.failure(&format!("read Secret {key}")))?;
        let invalid = |message| Failure::new(Reason::StoreInvalid, message);
        let Some(secret) = secret else {
            return Err(invalid(format!(
                "AWS credentials Secret {key}, for key `{item}`, not found"
            )));
        };
        let Some(value) = secret.data.get(item) else {
            return Err(invalid(format!("AWS credentials Secret {key} has no key `{item}`")));
        };
        let text = str::from_utf8(value.expose()).map_err(|_| {
            invalid(format!("key `{item}` of AWS credentials Secret {key} is not valid UTF-8"))
        })?;
        Ok(text.trim().to_owned())
    }

    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<Credentials, Failure> {
        let ServiceAccountRef { key, audiences, account } = reference;
        let account = account.as_ref().expect("the pool has read the ServiceAccount");
        let audiences = iter::once(&account.audience).chain(audiences).cloned().collect();
        let body = TokenRequest {
            spec: TokenRequestSpec { audiences, ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &key.namespace);
        let token = request(api.create_token_request(&key.name, &PostParams::default(), &body))
            .await
            .map_err(|error| {
                let action =
                    format!("create a token of ServiceAccount {key} (serviceaccounts/token)");
                error.failure(&action)
            })?;
        let token = token.status.map(|status| status.token).unwrap_or_default();
        self.sts.assume_with_token(&account.role, token).await
    }
}

/// Whether the SDK exchanges the Pod's own token for credentials (IRSA), which is a request to STS.
fn sdk_calls_sts() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && !is_set("AWS_ACCESS_KEY_ID")
}

fn pod_failure(error: &CredentialsError) -> Failure {
    let (reason, explanation) = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            (Reason::AccessDenied, ": its environment does not contain any")
        }
        CredentialsError::InvalidConfiguration(_) => {
            (Reason::AccessDenied, ": their configuration is invalid")
        }
        CredentialsError::ProviderTimedOut(_) => (Reason::Timeout, ": fetching them timed out"),
        error => (web_identity_reason(error).unwrap_or(Reason::Unavailable), ""),
    };
    Failure::new(reason, no_pod_credentials(explanation))
}

fn no_pod_credentials(explanation: &str) -> String {
    format!(
        "the controller's Pod has no AWS credentials{explanation}: give its ServiceAccount a role \
         (IRSA or Pod Identity), or set the store's `auth`"
    )
}
