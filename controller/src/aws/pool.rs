//! One reader for each identity, made when it is first needed and dropped when it no longer is.

use std::{
    collections::HashMap,
    error::Error as _,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials as _, SharedCredentialsProvider, error::CredentialsError},
};
use aws_sdk_sts::{
    operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError, types::Tag,
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams};
use tokio::time::Instant;

use super::{
    Identity,
    credentials::Cached,
    error::{ReadError, Refused, pause},
    identity::{Account, AccountRef, Base, ItemRef, Role},
    planner::{BatchPermission, Planner},
    service::Service,
};
use crate::{
    key::ObjectKey,
    metrics::aws::{AwsMetrics, Outcome},
    reason::{Failure, Reason},
    runtime::api::request,
    target::SecretObject,
};

/// A reader that nobody has used for so long is dropped, with its credentials.
const IDLE: Duration = Duration::from_mins(120);
/// For how long a session lasts, in seconds; AWS's default.
const SESSION: i32 = 3600;
/// How sessions are named in `CloudTrail`.
const SESSION_NAME: &str = "mtk-controller";
/// The name that trust policies for External Secrets may ask for.
const WEB_SESSION_NAME: &str = "external-secrets-provider-aws";
/// For how long keys from Secrets, files and the environment are used before they are read again.
const KEYS: Duration = Duration::from_mins(10);
/// For how long it is known what a ServiceAccount says.
const ACCOUNT: Duration = Duration::from_mins(1);
/// How many regions' configurations are kept: a store may name any.
const REGIONS: usize = 64;
/// On a ServiceAccount: the role to assume.
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
/// On a ServiceAccount: the audience of its tokens.
const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
const AUDIENCE: &str = "sts.amazonaws.com";
/// The provider and a call of it, as metrics have them.
const STS: &str = "AWS/STS";
/// How often STS is asked at most.
const ATTEMPTS: u32 = 3;
const BY_TOKEN: &str = "AssumeRoleWithWebIdentity";

/// The readers of all identities.
pub struct Pool {
    client: Client,
    metrics: AwsMetrics,
    readers: Mutex<HashMap<Identity, Entry>>,
    /// The configuration of the environment, by region.
    regions: tokio::sync::Mutex<HashMap<String, SdkConfig>>,
    /// What ServiceAccounts say, and since when that is known.
    accounts: Mutex<HashMap<ObjectKey, (Instant, Account)>>,
}

struct Entry {
    reader: Arc<Reader>,
    used: Instant,
}

/// Reads as one identity.
pub struct Reader {
    /// Plans what is read.
    pub planner: Arc<Planner>,
    /// As whom.
    pub credentials: Cached,
}

impl Pool {
    /// An empty pool.
    pub fn new(client: Client, metrics: AwsMetrics) -> Self {
        Self {
            client,
            metrics,
            readers: Mutex::default(),
            regions: tokio::sync::Mutex::default(),
            accounts: Mutex::default(),
        }
    }

    /// The reader of an identity. `batches` is what is known of it, if there is none yet.
    ///
    /// # Errors
    /// The ServiceAccount cannot be read, or has no role.
    pub async fn reader(
        &self,
        mut identity: Identity,
        batches: BatchPermission,
    ) -> Result<Arc<Reader>, Failure> {
        if let Base::ServiceAccount(reference) = &mut identity.base {
            reference.account = Some(self.account(&reference.key).await?);
        }
        if let Some(entry) = self.lock().get_mut(&identity) {
            entry.used = Instant::now();
            return Ok(entry.reader.clone());
        }
        let made = Arc::new(self.make(&identity, batches).await);
        let mut readers = self.lock();
        readers.retain(|other, entry| {
            let is_older =
                other.store_uid == identity.store_uid && other.generation < identity.generation;
            !is_older && entry.used.elapsed() < IDLE
        });
        // Another task may have been faster: then its reader counts.
        let entry = Entry { reader: made, used: Instant::now() };
        Ok(readers.entry(identity).or_insert(entry).reader.clone())
    }

    /// Drops what belongs to a store that is no more: its uid, and its name for people.
    pub fn forget(&self, store_uid: &str, store: &str) {
        self.lock().retain(|identity, _| identity.store_uid != store_uid);
        self.metrics.forget(store);
    }

    /// What a ServiceAccount says, as of a moment ago.
    async fn account(&self, key: &ObjectKey) -> Result<Account, Failure> {
        let accounts = || self.accounts.lock().expect("no holder of the lock panics");
        accounts().retain(|_, (since, _)| since.elapsed() < ACCOUNT);
        if let Some((_, account)) = accounts().get(key) {
            return Ok(account.clone());
        }
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &key.namespace);
        let read = request(api.get_opt(&key.name)).await;
        let read = read.map_err(|error| error.failure(&format!("read ServiceAccount {key}")))?;
        let invalid =
            |what: &str| Failure::new(Reason::StoreInvalid, format!("ServiceAccount {key} {what}"));
        let metadata = read.ok_or_else(|| invalid("is not there"))?.metadata;
        let annotations = metadata.annotations.unwrap_or_default();
        let role = annotations.get(ROLE_ANNOTATION).filter(|role| !role.is_empty());
        let role = role.ok_or_else(|| invalid(&format!("has no annotation {ROLE_ANNOTATION}")))?;
        let audience = annotations.get(AUDIENCE_ANNOTATION).map_or(AUDIENCE, String::as_str);
        let account = Account {
            uid: metadata.uid.unwrap_or_default(),
            role: role.clone(),
            audience: audience.to_owned(),
        };
        accounts().insert(key.clone(), (Instant::now(), account.clone()));
        Ok(account)
    }

    async fn make(&self, identity: &Identity, batches: BatchPermission) -> Reader {
        let config = self.region(&identity.region).await;
        let fetch = Fetch {
            client: self.client.clone(),
            config: config.clone(),
            metrics: self.metrics.clone(),
            identity: identity.clone(),
        };
        let fetch = Arc::new(fetch);
        let credentials = Cached::new(Box::new(move || fetch.clone().run()));
        let config = config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .identity_cache(aws_config::identity::IdentityCache::no_cache())
            .build();
        let service = Service::new(&config, identity, credentials.clone(), self.metrics.clone());
        Reader { planner: Planner::new(Arc::new(service), batches), credentials }
    }

    async fn region(&self, region: &str) -> SdkConfig {
        let mut regions = self.regions.lock().await;
        if let Some(config) = regions.get(region) {
            return config.clone();
        }
        let config = load(region).await;
        if regions.len() >= REGIONS {
            regions.clear();
        }
        regions.insert(region.to_owned(), config.clone());
        config
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Entry>> {
        self.readers.lock().expect("no holder of the lock panics")
    }
}

/// The configuration of the environment as it is now, files included.
async fn load(region: &str) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        // Attempts are ours to make, and to count.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .load()
        .await
}

/// Fetches the credentials of one identity.
struct Fetch {
    client: Client,
    config: SdkConfig,
    metrics: AwsMetrics,
    identity: Identity,
}

impl Fetch {
    fn run(self: Arc<Self>) -> BoxFuture<'static, Result<Credentials, Failure>> {
        Box::pin(async move {
            let mut credentials = match &self.identity.base {
                Base::Pod => self.of_pod().await?,
                Base::Keys { id, secret, token } => {
                    let id = self.item(id).await?;
                    let secret = self.item(secret).await?;
                    let token = match token {
                        Some(token) => Some(self.item(token).await?),
                        None => None,
                    };
                    let end = SystemTime::now() + KEYS;
                    Credentials::new(id, secret, token, Some(end), "Secret")
                }
                Base::ServiceAccount(reference) => self.of_account(reference).await?,
            };
            for arn in &self.identity.additional_roles {
                let role = Role {
                    arn: arn.clone(),
                    external_id: None,
                    tags: std::collections::BTreeMap::new(),
                    transitive: Vec::new(),
                };
                credentials = self.assume(&role, credentials).await?;
            }
            if let Some(role) = &self.identity.role {
                credentials = self.assume(role, credentials).await?;
            }
            Ok(credentials)
        })
    }

    async fn of_pod(&self) -> Result<Credentials, Failure> {
        // A provider remembers the files that it has read.
        let provider = load(&self.identity.region)
            .await
            .credentials_provider()
            .ok_or_else(|| Failure::new(Reason::AccessDenied, no_pod_credentials("")))?;
        let given = provider.provide_credentials().await;
        if asks_sts() {
            let reason = |error| by_token(error).unwrap_or(Reason::Unavailable);
            let reason = given.as_ref().err().map(reason);
            let outcome = reason.map_or(Outcome::Succeeded, Outcome::Failed);
            self.metrics.call(&self.identity.store, STS, BY_TOKEN, outcome);
        }
        let with_end = |mut credentials: Credentials| {
            // Files may be others by then.
            credentials.expiry_mut().get_or_insert_with(|| SystemTime::now() + KEYS);
            credentials
        };
        given.map(with_end).map_err(|error| {
            let (reason, why) = match &error {
                CredentialsError::CredentialsNotLoaded(_) => {
                    (Reason::AccessDenied, ": there are none in its environment")
                }
                CredentialsError::InvalidConfiguration(_) => {
                    (Reason::AccessDenied, ": their configuration is invalid")
                }
                CredentialsError::ProviderTimedOut(_) => {
                    (Reason::Timeout, ": they were not given in time")
                }
                _ => (by_token(&error).unwrap_or(Reason::Unavailable), ""),
            };
            Failure::new(reason, no_pod_credentials(why))
        })
    }

    async fn item(&self, reference: &ItemRef) -> Result<String, Failure> {
        let ItemRef { secret: key, item, .. } = reference;
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), &key.namespace);
        let secret = request(api.get_opt(&key.name)).await;
        let secret = secret.map_err(|error| error.failure(&format!("read Secret {key}")))?;
        let value = secret.as_ref().and_then(|secret| secret.data.get(item));
        let text = value.and_then(|value| str::from_utf8(value.expose()).ok());
        text.map(|text| text.trim().to_owned()).ok_or_else(|| {
            let what = if secret.is_some() { "has no text as its item" } else { "is missing, for" };
            let message = format!("Secret {key}, with AWS credentials, {what} `{item}`");
            Failure::new(Reason::StoreInvalid, message)
        })
    }

    async fn of_account(&self, reference: &AccountRef) -> Result<Credentials, Failure> {
        let AccountRef { key, audiences, account } = reference;
        let account = account.as_ref().expect("the pool has looked");
        let Account { role, audience, .. } = account;
        let audiences = std::iter::once(audience.clone()).chain(audiences.iter().cloned());
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &key.namespace);
        let wanted = TokenRequest {
            spec: TokenRequestSpec {
                audiences: audiences.collect(),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let token =
            request(api.create_token_request(&key.name, &PostParams::default(), &wanted)).await;
        let token = token.map_err(|error| {
            error
                .failure(&format!("create a token of ServiceAccount {key} (serviceaccounts/token)"))
        })?;
        let token = token.status.map(|status| status.token).unwrap_or_default();
        let sts = aws_sdk_sts::Client::from_conf(self.sts().build());
        let asked = sts
            .assume_role_with_web_identity()
            .role_arn(role)
            .role_session_name(WEB_SESSION_NAME)
            .web_identity_token(token)
            .duration_seconds(SESSION);
        let action = "sts:AssumeRoleWithWebIdentity";
        let answer = self.call(BY_TOKEN, action, || asked.clone().send()).await;
        let answer = answer.map_err(|error| not_assumed(&error, role, &self.identity.store))?;
        session(answer.credentials, role)
    }

    async fn assume(&self, role: &Role, with: Credentials) -> Result<Credentials, Failure> {
        let config = self.sts().credentials_provider(with).build();
        let tags =
            role.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Result<Vec<_>, _> = tags.collect();
        let tags = tags.map_err(|_| {
            Failure::new(
                Reason::StoreInvalid,
                format!("{}: a session tag is incomplete", self.identity.store),
            )
        })?;
        let asked = aws_sdk_sts::Client::from_conf(config)
            .assume_role()
            .role_arn(&role.arn)
            .role_session_name(SESSION_NAME)
            .set_external_id(role.external_id.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_transitive_tag_keys(Some(role.transitive.clone()).filter(|keys| !keys.is_empty()))
            .duration_seconds(SESSION);
        let answer = self.call("AssumeRole", "sts:AssumeRole", || asked.clone().send()).await;
        let answer =
            answer.map_err(|error| not_assumed(&error, &role.arn, &self.identity.store))?;
        session(answer.credentials, &role.arn)
    }

    fn sts(&self) -> aws_sdk_sts::config::Builder {
        let builder = aws_sdk_sts::config::Builder::from(&self.config)
            .identity_cache(aws_config::identity::IdentityCache::no_cache());
        match endpoint("AWS_STS_ENDPOINT") {
            Some(url) => builder.endpoint_url(url),
            None => builder,
        }
    }

    /// Asks STS, again if it may pass: one request of it stands for those of all objects.
    async fn call<T, E, F>(
        &self,
        api: &'static str,
        action: &'static str,
        send: impl Fn() -> F,
    ) -> Result<T, ReadError>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let mut attempt = 1;
        loop {
            let answer = send().await.map_err(|error| ReadError::of(&error, action));
            let outcome = answer
                .as_ref()
                .map_or_else(|error| Outcome::Failed(error.reason), |_| Outcome::Succeeded);
            self.metrics.call(&self.identity.store, STS, api, outcome);
            match answer {
                Err(error)
                    if attempt < ATTEMPTS
                        && (error.passes() || error.refused == Some(Refused::Signature)) =>
                {
                    let noise = f64::from(rand::random::<u16>()) / f64::from(u16::MAX);
                    tokio::time::sleep(pause(attempt, None, noise)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// The endpoint that External Secrets takes from this variable.
pub(super) fn endpoint(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}

/// Whether the Pod's credentials are from STS, by its own token (IRSA): the SDK makes that request.
fn asks_sts() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && !is_set("AWS_ACCESS_KEY_ID")
}

fn session(
    credentials: Option<aws_sdk_sts::types::Credentials>,
    role: &str,
) -> Result<Credentials, Failure> {
    let credentials = credentials.ok_or_else(|| {
        Failure::new(Reason::Unavailable, format!("AWS STS gave no credentials for role {role}"))
    })?;
    let end = SystemTime::try_from(*credentials.expiration()).ok();
    Ok(Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        Some(credentials.session_token().to_owned()),
        end,
        "AssumeRole",
    ))
}

fn not_assumed(error: &ReadError, role: &str, store: &str) -> Failure {
    let what = match error.reason {
        Reason::AccessDenied => {
            "AWS denies it: check the role's trust policy, and the caller's rights"
        }
        Reason::Throttled => "AWS asks for fewer requests",
        Reason::Timeout => "AWS STS did not answer in time",
        Reason::Malformed => "AWS finds the request invalid: check the ARN, external id and tags",
        _ => "AWS STS cannot be reached, or fails",
    };
    Failure::new(error.reason, format!("{}: {} of role {role}: {what}", store, error.action))
}

fn no_pod_credentials(why: &str) -> String {
    format!(
        "the controller's Pod got no AWS credentials{why}: give its ServiceAccount a role (IRSA or \
         Pod Identity), or the store an `auth`"
    )
}

/// What STS says of the Pod's own token, where that is why there are no credentials.
fn by_token(error: &CredentialsError) -> Option<Reason> {
    let mut cause = error.source();
    while let Some(error) = cause {
        let by_token =
            error.downcast_ref::<SdkError<AssumeRoleWithWebIdentityError, HttpResponse>>();
        if let Some(error) = by_token {
            return Some(ReadError::of(error, "sts:AssumeRoleWithWebIdentity").reason);
        }
        cause = error.source();
    }
    None
}
