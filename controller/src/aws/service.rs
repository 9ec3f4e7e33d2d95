//! The requests to Secrets Manager and Parameter Store, with one identity.

mod assign;
mod parameter_store;
mod secrets_manager;
mod tags;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_config::SdkConfig;
use crds::secret_store::AwsService;
use futures::future::BoxFuture;

pub(crate) use self::{
    parameter_store::GET_PARAMETERS_ACTION, secrets_manager::BATCH_GET_SECRET_VALUE_ACTION,
};
use self::{parameter_store::ParameterStore, secrets_manager::SecretsManager};
use crate::aws::{
    caller::Caller,
    credentials::CachedCredentials,
    error::ReadError,
    identity::Identity,
    metrics::AwsMetrics,
    planner::{BatchResponses, ReadSource},
    read::{ReadRequest, ReadResponse, Version},
};

/// Both services, with one identity.
pub(crate) struct Service {
    secrets_manager: SecretsManager,
    parameter_store: ParameterStore,
    /// The service of the store.
    kind: AwsService,
    store: String,
    metrics: AwsMetrics,
}

impl Service {
    pub(crate) fn new(
        config: &SdkConfig,
        identity: &Identity,
        credentials: CachedCredentials,
        metrics: AwsMetrics,
    ) -> Self {
        let caller = Arc::new(Caller {
            store: identity.store.clone(),
            retries: identity.retries,
            metrics: metrics.clone(),
            credentials: Some(credentials),
        });
        Self {
            secrets_manager: SecretsManager::new(config, caller.clone()),
            parameter_store: ParameterStore::new(config, caller),
            kind: identity.service,
            store: identity.store.clone(),
            metrics,
        }
    }

    fn is_secrets_manager(&self) -> bool {
        self.kind == AwsService::SecretsManager
    }
}

impl ReadSource for Service {
    fn max_batch_size(&self) -> usize {
        if self.is_secrets_manager() {
            secrets_manager::MAX_BATCH_SIZE
        } else {
            parameter_store::MAX_BATCH_SIZE
        }
    }

    fn is_batchable(&self, request: &ReadRequest) -> bool {
        match request {
            ReadRequest::Secret { version, .. } => *version == Version::current(),
            ReadRequest::Parameter { .. } => true,
            _ => false,
        }
    }

    /// `GetParameters` is denied as a whole, `BatchGetSecretValue` reports errors by secret.
    fn one_poisons_batch(&self) -> bool {
        !self.is_secrets_manager()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>> {
        let (secrets, parameters) = (&self.secrets_manager, &self.parameter_store);
        Box::pin(async move {
            match &request {
                ReadRequest::Secret { id, version } => secrets.value(id, version).await,
                ReadRequest::SecretTags { id } => secrets.tags(id).await,
                ReadRequest::SecretNames(filter) => secrets.names(filter).await,
                ReadRequest::Parameter { name } => parameters.value(name).await,
                ReadRequest::ParameterTags { name } => parameters.tags(name).await,
                ReadRequest::ParametersBelow { path } => parameters.values_below(path).await,
                ReadRequest::ParameterNames(filter) => parameters.names(filter).await,
            }
        })
    }

    fn read_batch(
        &self,
        requests: Vec<ReadRequest>,
    ) -> BoxFuture<'_, Result<BatchResponses, ReadError>> {
        Box::pin(async move {
            if self.is_secrets_manager() {
                self.secrets_manager.batch(requests).await
            } else {
                self.parameter_store.batch(requests).await
            }
        })
    }

    fn count_served(&self, objects: usize) {
        self.metrics.values_served(&self.store, objects);
    }
}
