//! Assumes roles with AWS STS.

use std::{error::Error as _, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{Credentials, provider::error::CredentialsError};
use aws_sdk_sts::{
    operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError, types::Tag,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};

use crate::{
    aws::{
        caller::{Caller, Operation},
        config::endpoint,
        error::ReadError,
        identity::{Retries, Role},
        metrics::AwsMetrics,
    },
    reason::{Failure, Reason},
};

/// AWS's default.
const SESSION_SECONDS: i32 = 3600;
/// The name of sessions in `CloudTrail`.
const SESSION_NAME: &str = "mtk-controller";
/// Trust policies written for External Secrets may require this name.
const WEB_IDENTITY_SESSION_NAME: &str = "external-secrets-provider-aws";

pub(super) const ASSUME_ROLE_WITH_WEB_IDENTITY: Operation = Operation {
    provider: "AWS/STS",
    name: "AssumeRoleWithWebIdentity",
    action: "sts:AssumeRoleWithWebIdentity",
};
const ASSUME_ROLE: Operation =
    Operation { provider: "AWS/STS", name: "AssumeRole", action: "sts:AssumeRole" };

/// STS for one identity.
pub(super) struct Sts {
    config: SdkConfig,
    store: String,
    caller: Caller,
}

impl Sts {
    /// STS is retried even if the store wants no retries, because all its objects depend on one
    /// request.
    pub(super) fn new(config: SdkConfig, store: String, metrics: AwsMetrics) -> Self {
        let retries = Retries::default();
        let caller = Caller { store: store.clone(), retries, metrics, credentials: None };
        Self { config, store, caller }
    }

    /// Assumes a role with the token of a ServiceAccount.
    pub(super) async fn assume_with_token(
        &self,
        role: &str,
        token: String,
    ) -> Result<Credentials, Failure> {
        let request = aws_sdk_sts::Client::from_conf(self.builder().build())
            .assume_role_with_web_identity()
            .role_arn(role)
            .role_session_name(WEB_IDENTITY_SESSION_NAME)
            .web_identity_token(token)
            .duration_seconds(SESSION_SECONDS);
        let send = || request.clone().send();
        let response = self.caller.call(ASSUME_ROLE_WITH_WEB_IDENTITY, send).await;
        let response = response.map_err(|error| self.failure(&error, role))?;
        session(response.credentials, role)
    }

    /// Assumes a role with other credentials.
    pub(super) async fn assume(
        &self,
        role: &Role,
        credentials: Credentials,
    ) -> Result<Credentials, Failure> {
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags: Vec<_> =
            role.session_tags.iter().map(tag).collect::<Result<_, _>>().map_err(|_| {
                let message = format!("{}: a session tag is incomplete", self.store);
                Failure::new(Reason::StoreInvalid, message)
            })?;
        let transitive = &role.transitive_tag_keys;
        let config = self.builder().credentials_provider(credentials).build();
        let request = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(SESSION_NAME)
            .set_external_id(role.external_id.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_transitive_tag_keys((!transitive.is_empty()).then(|| transitive.clone()))
            .duration_seconds(SESSION_SECONDS);
        let response = self.caller.call(ASSUME_ROLE, || request.clone().send()).await;
        let response = response.map_err(|error| self.failure(&error, &role.arn))?;
        session(response.credentials, &role.arn)
    }

    fn builder(&self) -> aws_sdk_sts::config::Builder {
        let builder = aws_sdk_sts::config::Builder::from(&self.config)
            .identity_cache(aws_config::identity::IdentityCache::no_cache());
        match endpoint("AWS_STS_ENDPOINT") {
            Some(url) => builder.endpoint_url(url),
            None => builder,
        }
    }

    fn failure(&self, error: &ReadError, role: &str) -> Failure {
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
        let ReadError { reason, action, .. } = error;
        Failure::new(*reason, format!("{}: {action} of role {role}: {explanation}", self.store))
    }
}

/// The reason why STS rejected the Pod's own token. None if the credentials are missing for another
/// reason.
pub(super) fn web_identity_reason(error: &CredentialsError) -> Option<Reason> {
    let mut cause = error.source();
    while let Some(error) = cause {
        let sts_error =
            error.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>();
        if let Some(error) = sts_error {
            let action = ASSUME_ROLE_WITH_WEB_IDENTITY.action;
            return Some(ReadError::from_sdk(error, action).reason);
        }
        cause = error.source();
    }
    None
}

fn session(
    credentials: Option<aws_sdk_sts::types::Credentials>,
    role: &str,
) -> Result<Credentials, Failure> {
    let credentials = credentials.ok_or_else(|| {
        let message = format!("AWS STS returned no credentials for role {role}");
        Failure::new(Reason::Unavailable, message)
    })?;
    let expiry = SystemTime::try_from(*credentials.expiration()).ok();
    Ok(Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        Some(credentials.session_token().to_owned()),
        expiry,
        "AssumeRole",
    ))
}
