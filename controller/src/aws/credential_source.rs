//! Fetches the credentials of an identity: the base credentials, then one role after the other.

use std::{
    error::Error as _,
    iter,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, error::CredentialsError},
};
use aws_sdk_sts::{
    operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError,
    types::{Credentials as Session, Tag},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError,
};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};

use crate::{
    aws::{
        caller::{Caller, endpoint, load_config},
        credentials::FetchCredentials,
        error::ReadError,
        identity::{BaseCredentials, Identity, Role, SecretItemRef, ServiceAccountRef},
        trust::certificate_problem,
    },
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{RequestError, SecretObject, request},
};

/// How long keys from Secrets, files and the environment are used before they are read again.
const STATIC_KEYS_TTL: Duration = Duration::from_mins(10);
/// The name of sessions in `CloudTrail`.
const SESSION_NAME: &str = "mtk-controller";
/// Trust policies written for External Secrets may require this name.
const WEB_IDENTITY_SESSION_NAME: &str = "external-secrets-provider-aws";

const ASSUME_ROLE_WITH_WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";
const ASSUME_ROLE: &str = "sts:AssumeRole";

pub(super) struct CredentialSource {
    pub(super) client: Client,
    pub(super) http_client: SharedHttpClient,
    pub(super) identity: Identity,
    pub(super) config: SdkConfig,
    pub(super) caller: Caller,
}

impl CredentialSource {
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
                let (id, secret) = (self.secret_item(id).await?, self.secret_item(secret).await?);
                let token = match token {
                    Some(token) => Some(self.secret_item(token).await?),
                    None => None,
                };
                let expiry = SystemTime::now() + STATIC_KEYS_TTL;
                Credentials::new(id, secret, token, Some(expiry), "Secret")
            }
            BaseCredentials::ServiceAccount(reference) => self.service_account(reference).await?,
        };
        for role in &self.identity.roles {
            credentials = self.assume(role, credentials).await?;
        }
        Ok(credentials)
    }

    /// The credentials of the controller's Pod or environment.
    async fn pod(&self) -> Result<Credentials, Failure> {
        // The SDK's provider caches the files it has read, so each fetch needs a new one.
        let config = load_config(&self.identity.region, self.http_client.clone()).await;
        let provider = config.credentials_provider();
        let provider = provider.expect("the SDK's defaults have a provider");
        let result = provider.provide_credentials().await;
        if sdk_calls_sts() {
            let failure = result.as_ref().err().map(web_identity_reason);
            self.caller.metrics.call(&self.caller.store, ASSUME_ROLE_WITH_WEB_IDENTITY, failure);
        }
        let mut credentials = result.map_err(|error| pod_failure(&error))?;
        // Keys in files may change.
        credentials.expiry_mut().get_or_insert_with(|| SystemTime::now() + STATIC_KEYS_TTL);
        Ok(credentials)
    }

    async fn secret_item(&self, reference: &SecretItemRef) -> Result<String, Failure> {
        let SecretItemRef { secret: key, item, .. } = reference;
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), &key.namespace);
        let secret = request(api.get_opt(&key.name)).await;
        let secret = secret.map_err(|error| error.failure(&format!("read Secret {key}")))?;
        let invalid = |message| Failure::new(Reason::StoreInvalid, message);
        let name = format!("AWS credentials Secret {key}");
        let secret =
            secret.ok_or_else(|| invalid(format!("{name}, for key `{item}`, not found")))?;
        let value = secret.data.get(item);
        let value = value.ok_or_else(|| invalid(format!("{name} has no key `{item}`")))?;
        let text = str::from_utf8(value.expose());
        let text =
            text.map_err(|_| invalid(format!("key `{item}` of {name} is not valid UTF-8")))?;
        Ok(text.trim().to_owned())
    }

    async fn service_account(&self, reference: &ServiceAccountRef) -> Result<Credentials, Failure> {
        let ServiceAccountRef { key, audiences, account } = reference;
        let account = account.as_ref().expect("the pool has read the ServiceAccount");
        let audiences = iter::once(&account.audience).chain(audiences).cloned().collect();
        let spec = TokenRequestSpec { audiences, ..TokenRequestSpec::default() };
        let body = TokenRequest { spec, ..TokenRequest::default() };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &key.namespace);
        let params = PostParams::default();
        let token = request(api.create_token_request(&key.name, &params, &body)).await;
        let token = token.map_err(|error| {
            let action = format!("create a token of ServiceAccount {key} (serviceaccounts/token)");
            account_failure(&error, &action, key)
        })?;
        let token = token.status.map(|status| status.token).unwrap_or_default();
        self.assume_with_token(&account.role, token).await
    }

    async fn assume_with_token(&self, role: &str, token: String) -> Result<Credentials, Failure> {
        let request = aws_sdk_sts::Client::from_conf(self.sts().build())
            .assume_role_with_web_identity()
            .role_arn(role)
            .role_session_name(WEB_IDENTITY_SESSION_NAME)
            .web_identity_token(token);
        let send = || request.clone().send();
        let response = self.caller.call(ASSUME_ROLE_WITH_WEB_IDENTITY, send).await;
        session(response.map_err(|error| self.failure(&error, role))?.credentials, role)
    }

    async fn assume(&self, role: &Role, credentials: Credentials) -> Result<Credentials, Failure> {
        let Role { arn, external_id, session_tags, transitive_tag_keys: transitive } = role;
        let tag = |(key, value)| Tag::builder().key(key).value(value).build();
        let tags: Result<Vec<_>, _> = session_tags.iter().map(tag).collect();
        let tags = tags.expect("tags have a key and a value");
        let config = self.sts().credentials_provider(credentials).build();
        let request = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(arn)
            .role_session_name(SESSION_NAME)
            .set_external_id(external_id.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_transitive_tag_keys((!transitive.is_empty()).then(|| transitive.clone()));
        let response = self.caller.call(ASSUME_ROLE, || request.clone().send()).await;
        session(response.map_err(|error| self.failure(&error, arn))?.credentials, arn)
    }

    fn sts(&self) -> aws_sdk_sts::config::Builder {
        let builder = aws_sdk_sts::config::Builder::from(&self.config);
        match endpoint("AWS_STS_ENDPOINT") {
            Some(url) => builder.endpoint_url(url),
            None => builder,
        }
    }

    fn failure(&self, error: &ReadError, role: &str) -> Failure {
        if let Some(detail) = &error.detail {
            let message = format!("{}: role {role}: {detail}", self.caller.store);
            return Failure::new(error.reason, message);
        }
        let explanation = match error.reason {
            Reason::AccessDenied => {
                "AWS denies it: check the role's trust policy, and the caller's permissions"
            }
            Reason::Throttled => "AWS throttles requests",
            Reason::Timeout => "AWS STS timed out",
            Reason::Malformed => {
                "AWS rejects the request as invalid: check the ARN, external id and tags"
            }
            _ => "AWS STS is unreachable or fails",
        };
        let (store, action) = (&self.caller.store, error.action);
        Failure::new(error.reason, format!("{store}: {action} of role {role}: {explanation}"))
    }
}

/// Whether the SDK exchanges the Pod's own token for credentials (IRSA), which is a request to STS.
fn sdk_calls_sts() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && !is_set("AWS_ACCESS_KEY_ID")
}

/// A failed request about a ServiceAccount. A value of the chart decides which ones the controller may use.
pub(super) fn account_failure(error: &RequestError, action: &str, key: &ObjectKey) -> Failure {
    let failure = error.failure(action);
    if failure.reason != Reason::AccessDenied {
        return failure;
    }
    let ObjectKey { namespace, name } = key;
    let message = format!(
        "the API server forbids the controller to {action}: add {{namespace: {namespace}, name: {name}}} to \
         the value `externalSecrets.serviceAccounts` of the controller's chart"
    );
    Failure::new(failure.reason, message)
}

fn pod_failure(error: &CredentialsError) -> Failure {
    if let Some(problem) = certificate_problem(error) {
        let message =
            format!("cannot fetch the AWS credentials of the controller's Pod: {problem}");
        return Failure::new(Reason::UntrustedCertificate, message);
    }
    let denied = |explanation| (Reason::AccessDenied, explanation);
    let (reason, explanation) = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            denied(": its environment does not contain any")
        }
        CredentialsError::InvalidConfiguration(_) => denied(": their configuration is invalid"),
        CredentialsError::ProviderTimedOut(_) => (Reason::Timeout, ": fetching them timed out"),
        error => (web_identity_reason(error), ""),
    };
    let message = format!(
        "the controller's Pod has no AWS credentials{explanation}: give its ServiceAccount a role \
         (IRSA or Pod Identity), or set the store's `auth`"
    );
    Failure::new(reason, message)
}

/// The reason why STS rejected the Pod's own token, or `Unavailable`.
fn web_identity_reason(error: &CredentialsError) -> Reason {
    type StsError = SdkError<AssumeRoleWithWebIdentityError, HttpResponse>;
    let mut causes = iter::successors(error.source(), |&cause| cause.source());
    let error = causes.find_map(|cause| cause.downcast_ref::<StsError>());
    let reason = |error| ReadError::from_sdk(error, ASSUME_ROLE_WITH_WEB_IDENTITY).reason;
    error.map_or(Reason::Unavailable, reason)
}

fn session(session: Option<Session>, role: &str) -> Result<Credentials, Failure> {
    let session = session.ok_or_else(|| {
        let message = format!("AWS STS returned no credentials for role {role}");
        Failure::new(Reason::Unavailable, message)
    })?;
    let expiry = SystemTime::try_from(session.expiration).ok();
    let Session { access_key_id: id, secret_access_key: key, session_token: token, .. } = session;
    Ok(Credentials::new(id, key, Some(token), expiry, "AssumeRole"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forbidden(code: u16) -> RequestError {
        let status = serde_json::json!({ "code": code, "message": "canary" });
        RequestError::Api(kube::Error::Api(Box::new(serde_json::from_value(status).unwrap())))
    }

    #[test]
    fn forbidden_service_account_is_an_entry_to_add_to_the_chart() {
        let key = ObjectKey { namespace: "team".into(), name: "reader".into() };
        let failure =
            |code| account_failure(&forbidden(code), "read ServiceAccount team/reader", &key);
        let Failure { reason, message } = failure(403);
        assert_eq!(reason, Reason::AccessDenied);
        assert!(message.contains("{namespace: team, name: reader}"), "{message}");
        assert!(message.contains("`externalSecrets.serviceAccounts`"), "{message}");
        assert!(!message.contains("canary"), "{message}");
        assert!(!failure(500).message.contains("serviceAccounts"));
    }
}
