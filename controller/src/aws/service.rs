//! The requests to Secrets Manager and Parameter Store, with one identity.

mod parameter_store;
mod secrets_manager;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_config::SdkConfig;
use crds::secret_store::AwsService;
use futures::future::BoxFuture;

pub(crate) use self::{
    parameter_store::GET_PARAMETERS_ACTION,
    secrets_manager::{BATCH_GET_SECRET_VALUE_ACTION, DESCRIBE_SECRET_ACTION},
};
use self::{parameter_store::ParameterStore, secrets_manager::SecretsManager};
use crate::aws::{
    caller::Caller,
    read::{BatchResponses, ReadRequest, ReadResult, ReadSource, Version},
    sweep::{Page, VersionSource},
};

pub(super) struct Service {
    secrets_manager: SecretsManager,
    parameter_store: ParameterStore,
    kind: AwsService,
    caller: Arc<Caller>,
}

impl Service {
    pub(super) fn new(config: &SdkConfig, kind: AwsService, caller: Caller) -> Self {
        let caller = Arc::new(caller);
        let secrets_manager = SecretsManager::new(config, caller.clone());
        let parameter_store = ParameterStore::new(config, caller.clone());
        Self { secrets_manager, parameter_store, kind, caller }
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
        let is_secret = self.is_secrets_manager();
        match request {
            ReadRequest::Secret { version, .. } => is_secret && *version == Version::current(),
            ReadRequest::Parameter { .. } => !is_secret,
            _ => false,
        }
    }

    /// `GetParameters` is denied as a whole, `BatchGetSecretValue` reports errors by secret.
    fn one_poisons_batch(&self) -> bool {
        !self.is_secrets_manager()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'_, ReadResult> {
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

    fn read_batch(&self, requests: Vec<ReadRequest>) -> BoxFuture<'_, ReadResult<BatchResponses>> {
        if self.is_secrets_manager() {
            Box::pin(self.secrets_manager.batch(requests))
        } else {
            Box::pin(self.parameter_store.batch(requests))
        }
    }

    fn count_served(&self, objects: usize) {
        self.caller.metrics.values_served(&self.caller.store, objects);
    }
}

impl VersionSource for Service {
    fn page(&self, token: Option<String>) -> BoxFuture<'_, ReadResult<Page>> {
        Box::pin(self.secrets_manager.versions(token))
    }

    fn max_descriptions(&self) -> usize {
        if self.is_secrets_manager() { 1 } else { parameter_store::MAX_DESCRIPTIONS }
    }

    fn describe(
        &self,
        requests: Vec<ReadRequest>,
    ) -> BoxFuture<'_, ReadResult<Option<BatchResponses>>> {
        Box::pin(async move {
            if !self.is_secrets_manager() {
                return self.parameter_store.describe(&requests).await;
            }
            let mut described = BatchResponses::new();
            for request in requests {
                if let ReadRequest::Secret { id, version } = &request {
                    let version = self.secrets_manager.describe(id, version).await?;
                    described.insert(request, Ok(version));
                }
            }
            Ok(Some(described))
        })
    }
}
