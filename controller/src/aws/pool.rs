//! The readers: one per identity, created on first use and dropped when idle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use aws_credential_types::provider::SharedCredentialsProvider;
use kube::Client;
use tokio::time::Instant;

use crate::{
    aws::{
        config::RegionConfigs,
        credential_source::CredentialSource,
        credentials::CachedCredentials,
        identity::{BaseCredentials, Identity},
        metrics::AwsMetrics,
        planner::{BatchPermission, Planner},
        service::Service,
        service_accounts::ServiceAccounts,
    },
    reason::Failure,
};

/// How long an unused reader is kept.
const READER_IDLE_TTL: Duration = Duration::from_mins(120);

pub(crate) struct Pool {
    client: Client,
    metrics: AwsMetrics,
    readers: Mutex<HashMap<Identity, Entry>>,
    configs: RegionConfigs,
    service_accounts: ServiceAccounts,
}

struct Entry {
    reader: Arc<Reader>,
    last_used: Instant,
}

/// Reads with one identity.
pub(crate) struct Reader {
    pub(crate) planner: Arc<Planner>,
    pub(crate) credentials: CachedCredentials,
}

impl Pool {
    pub(crate) fn new(client: Client, metrics: AwsMetrics) -> Self {
        Self {
            service_accounts: ServiceAccounts::new(client.clone()),
            client,
            metrics,
            readers: Mutex::default(),
            configs: RegionConfigs::default(),
        }
    }

    /// The reader of an identity. A new one starts with this `permission`.
    ///
    /// # Errors
    /// If the ServiceAccount cannot be read or has no role.
    pub(crate) async fn reader(
        &self,
        mut identity: Identity,
        permission: BatchPermission,
    ) -> Result<Arc<Reader>, Failure> {
        if let BaseCredentials::ServiceAccount(reference) = &mut identity.base {
            reference.account = Some(self.service_accounts.role(&reference.key).await?);
        }
        if let Some(entry) = self.lock().get_mut(&identity) {
            entry.last_used = Instant::now();
            return Ok(entry.reader.clone());
        }
        let reader = Arc::new(self.new_reader(&identity, permission).await);
        let mut readers = self.lock();
        readers.retain(|other, entry| {
            let is_older =
                other.store_uid == identity.store_uid && other.generation < identity.generation;
            !is_older && entry.last_used.elapsed() < READER_IDLE_TTL
        });
        // Another task may have created one meanwhile. That one stays.
        let entry = Entry { reader, last_used: Instant::now() };
        Ok(readers.entry(identity).or_insert(entry).reader.clone())
    }

    /// Drops the readers and metrics of a deleted store. `store` is its name in metrics.
    pub(crate) fn forget(&self, store_uid: &str, store: &str) {
        self.lock().retain(|identity, _| identity.store_uid != store_uid);
        self.metrics.forget(store);
    }

    async fn new_reader(&self, identity: &Identity, permission: BatchPermission) -> Reader {
        let config = self.configs.get(&identity.region).await;
        let (client, metrics) = (self.client.clone(), self.metrics.clone());
        let source = CredentialSource::new(client, metrics, identity.clone(), config.clone());
        let credentials = CachedCredentials::new(source.into_fetch());
        let config = config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .identity_cache(aws_config::identity::IdentityCache::no_cache())
            .build();
        let service = Service::new(&config, identity, credentials.clone(), self.metrics.clone());
        Reader { planner: Planner::new(Arc::new(service), permission), credentials }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Entry>> {
        self.readers.lock().expect("no holder of the lock panics")
    }
}
