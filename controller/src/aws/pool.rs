//! The readers: one per identity, created on first use and dropped when idle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_config::{Region, SdkConfig, identity::IdentityCache};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use crds::secret_store::AwsService;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client, ResourceExt as _};
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    aws::{
        caller::{Caller, load_config},
        credential_source::{CredentialSource, account_failure},
        credentials::CachedCredentials,
        events::{EventQueue, Poller, metrics::EventMetrics},
        identity::{BaseCredentials, Identity, Retries, Role, ServiceAccountRole},
        metrics::AwsMetrics,
        planner::{BatchPermission, Planner},
        rates::Rates,
        service::Service,
        sweep::{Describer, Sweeper, VersionChecks, checks},
    },
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::request,
};

/// How long an unused reader is kept.
const READER_IDLE_TTL: Duration = Duration::from_mins(120);
/// The one that was unused for longest goes first.
const MAX_READERS: usize = 1000;
/// How long the role of a ServiceAccount is used before it is read again.
const ROLE_TTL: Duration = Duration::from_mins(1);
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";

type Roles = HashMap<ObjectKey, (ServiceAccountRole, Instant)>;
type Readers = HashMap<Identity, (Arc<Reader>, Instant)>;

/// Drops the readers that the one of this identity replaces, and those that are too many.
fn make_room<R>(readers: &mut HashMap<Identity, (R, Instant)>, identity: &Identity) {
    readers.retain(|other, (_, last_used)| {
        !other.is_replaced_by(identity) && last_used.elapsed() < READER_IDLE_TTL
    });
    while readers.len() >= MAX_READERS && !readers.contains_key(identity) {
        let oldest = readers.iter().min_by_key(|(_, (_, last_used))| *last_used);
        let Some(oldest) = oldest.map(|(identity, _)| identity.clone()) else { return };
        readers.remove(&oldest);
    }
}

pub(crate) struct Pool {
    client: Client,
    metrics: AwsMetrics,
    http_client: SharedHttpClient,
    rates: Arc<Rates>,
    /// With the time of their last use.
    readers: Mutex<Readers>,
    /// With the time when they were read.
    roles: Mutex<Roles>,
    /// For the region that was used first. Only the region differs for others.
    config: OnceCell<SdkConfig>,
}

pub(crate) struct Reader {
    pub(crate) planner: Arc<Planner>,
    pub(crate) sweeper: Arc<Sweeper>,
    pub(crate) describer: Describer,
    pub(crate) credentials: Arc<CachedCredentials>,
}

impl Reader {
    /// Whether AWS tells versions without values.
    pub(crate) fn version_checks(&self) -> VersionChecks {
        checks(&self.sweeper, &self.describer)
    }
}

impl Pool {
    /// `http_client` sends all requests to AWS, `client` those to the API server.
    pub(crate) fn new(
        client: Client,
        metrics: AwsMetrics,
        http_client: SharedHttpClient,
        rates: Arc<Rates>,
    ) -> Self {
        let (readers, roles) = (Mutex::default(), Mutex::default());
        Self { client, metrics, http_client, rates, readers, roles, config: OnceCell::new() }
    }

    /// The reader of an identity. A new one starts with this `permission`.
    pub(crate) async fn reader(
        &self,
        mut identity: Identity,
        permission: BatchPermission,
    ) -> Result<Arc<Reader>, Failure> {
        if let BaseCredentials::ServiceAccount(reference) = &mut identity.base {
            reference.account = Some(self.role(&reference.key).await?);
        }
        if let Some((reader, last_used)) = self.readers().get_mut(&identity) {
            *last_used = Instant::now();
            return Ok(reader.clone());
        }
        let reader = Arc::new(self.new_reader(&identity, permission).await);
        let mut readers = self.readers();
        make_room(&mut readers, &identity);
        // Another task may have created one meanwhile. That one stays.
        Ok(readers.entry(identity).or_insert_with(|| (reader, Instant::now())).0.clone())
    }

    /// Drops the readers and metrics of a deleted store. `store` is its name in metrics.
    pub(crate) fn forget(&self, store_uid: &str, store: &str) {
        self.readers().retain(|identity, _| identity.store_uid != store_uid);
        self.metrics.forget(store);
    }

    async fn new_reader(&self, identity: &Identity, permission: BatchPermission) -> Reader {
        let (config, caller, credentials) = self.session(identity).await;
        let service = Arc::new(Service::new(&config, identity.service, caller));
        let planner = Planner::new(service.clone(), permission);
        let describer = Describer::new(service.clone(), planner.clone());
        Reader { sweeper: Sweeper::new(service, planner.clone()), describer, planner, credentials }
    }

    /// The poller of the queue with this number.
    pub(crate) async fn poller(
        &self,
        number: usize,
        queue: &EventQueue,
        metrics: &EventMetrics,
    ) -> Poller {
        let role = |arn: &String| Role { arn: arn.clone(), ..Role::default() };
        let identity = Identity {
            store_uid: String::new(),
            generation: 0,
            store: format!("event queue {}", queue.name()),
            service: AwsService::SecretsManager,
            region: queue.region.clone(),
            base: BaseCredentials::Pod,
            roles: queue.role.iter().map(role).collect(),
            // The poller backs off itself.
            retries: Retries { attempts: 1, pause: None },
        };
        let (config, caller, _) = self.session(&identity).await;
        Poller::new(number, queue.clone(), &config, caller, metrics.clone())
    }

    /// The configuration and the caller of an identity, with its credentials.
    async fn session(&self, identity: &Identity) -> (SdkConfig, Caller, Arc<CachedCredentials>) {
        let load = || load_config(&identity.region, self.http_client.clone());
        let config = self.config.get_or_init(load).await.to_builder();
        let config = config
            .region(Region::new(identity.region.clone()))
            .identity_cache(IdentityCache::no_cache())
            .build();
        let caller = |retries, credentials, rates| {
            let (store, metrics) = (identity.store.clone(), self.metrics.clone());
            Caller { store, retries, metrics, credentials, rates }
        };
        // STS is retried even if the store wants no retries, because all its objects depend on one
        // request.
        let source = CredentialSource {
            client: self.client.clone(),
            http_client: self.http_client.clone(),
            identity: identity.clone(),
            config: config.clone(),
            caller: caller(Retries::default(), None, None),
        };
        let credentials = CachedCredentials::new(source.into_fetch());
        let provider: Arc<dyn ProvideCredentials> = credentials.clone();
        let provider = SharedCredentialsProvider::new(provider);
        let config = config.into_builder().credentials_provider(provider).build();
        let rates = self.rates.of(identity);
        let caller = caller(identity.retries, Some(credentials.clone()), Some(rates));
        (config, caller, credentials)
    }

    /// The role of a ServiceAccount, at most a minute old.
    async fn role(&self, key: &ObjectKey) -> Result<ServiceAccountRole, Failure> {
        self.roles().retain(|_, (_, since)| since.elapsed() < ROLE_TTL);
        if let Some((role, _)) = self.roles().get(key) {
            return Ok(role.clone());
        }
        let invalid = |problem: &str| {
            Failure::new(Reason::StoreInvalid, format!("ServiceAccount {key} {problem}"))
        };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &key.namespace);
        let read = request(api.get_opt(&key.name)).await;
        let action = format!("read ServiceAccount {key}");
        let account = read.map_err(|error| account_failure(&error, &action, key))?;
        let account = account.ok_or_else(|| invalid("not found"))?;
        let annotation = |name| account.annotations().get(name).cloned();
        let role = annotation(ROLE_ANNOTATION).filter(|role| !role.is_empty());
        let role = ServiceAccountRole {
            uid: account.uid().unwrap_or_default(),
            role: role.ok_or_else(|| invalid(&format!("has no annotation {ROLE_ANNOTATION}")))?,
            audience: annotation(AUDIENCE_ANNOTATION).unwrap_or_else(|| DEFAULT_AUDIENCE.into()),
        };
        self.roles().insert(key.clone(), (role.clone(), Instant::now()));
        Ok(role)
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().expect("no holder of the lock panics")
    }

    fn roles(&self) -> MutexGuard<'_, Roles> {
        self.roles.lock().expect("no holder of the lock panics")
    }
}

#[cfg(test)]
mod tests {
    use crds::secret_store::Aws;
    use serde_json::json;

    use super::*;
    use crate::aws::StoreSpec;

    /// The identity of a store whose keys are in a Secret with this content.
    fn identity(store: &str, content: u16) -> Identity {
        let keys = |key: &str| json!({ "name": "keys", "key": key });
        let auth = json!({ "secretRef": { "accessKeyIDSecretRef": keys("id"), "secretAccessKeySecretRef": keys("key") } });
        let aws = json!({ "service": "SecretsManager", "region": "eu-west-1", "auth": auth });
        let aws: Aws = serde_json::from_value(aws).unwrap();
        let spec = StoreSpec {
            label: store,
            namespace: Some("n"),
            name: store,
            uid: store,
            generation: 1,
            aws: &aws,
            retry_settings: None,
        };
        let mut fingerprint = [0; 32];
        fingerprint[..2].copy_from_slice(&content.to_le_bytes());
        Identity::of(&spec, "n", |_| Some(fingerprint)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn reader_of_changed_credentials_replaces_the_one_before() {
        let mut readers = HashMap::new();
        for content in 0..5000 {
            let identity = identity("s", content);
            make_room(&mut readers, &identity);
            readers.insert(identity, ((), Instant::now()));
        }
        assert_eq!(readers.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn oldest_reader_makes_room_for_a_new_one() {
        let mut readers = HashMap::new();
        for store in 0..=MAX_READERS {
            let identity = identity(&format!("s{store}"), 0);
            make_room(&mut readers, &identity);
            readers.insert(identity, ((), Instant::now()));
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(readers.len(), MAX_READERS);
        assert!(!readers.contains_key(&identity("s0", 0)));
    }
}
