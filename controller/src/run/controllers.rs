//! The watches of all controllers.

use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::info;

use crate::{
    context::Context,
    external::ExternalSecretController,
    restart::RestartController,
    runtime::WatchScope,
    sealed::SealedSecretController,
    target::watch::{SecretSubscriber, SecretWatch},
};

/// The controllers. One that a flag turned off is `None`.
pub(super) struct Controllers {
    pub(super) sealed: Arc<SealedSecretController>,
    pub(super) external: Option<Arc<ExternalSecretController>>,
    pub(super) restart: Option<Arc<RestartController>>,
}

impl Controllers {
    /// Starts all watches. The context's readiness waits for them.
    pub(super) fn watch(&self, context: &Arc<Context>, tasks: &mut JoinSet<()>) {
        tasks.spawn(context.keys.clone().watch(context.client.clone()));
        // With Roles in some namespaces only, the controller may not watch namespaces. The API
        // server refuses a creation in a namespace that is being deleted.
        if context.settings.scope == WatchScope::All || context.namespaces.selects_some() {
            let listing = context.readiness.add_watch();
            let (namespaces, client) = (context.namespaces.clone(), context.client.clone());
            tasks.spawn(namespaces.watch(client, listing, self.joined()));
        }
        let mut subscribers: Vec<Arc<dyn SecretSubscriber>> = vec![self.sealed.clone()];
        if let Some(external) = &self.external {
            external.watch(tasks);
            subscribers.push(external.clone());
        }
        subscribers.extend(self.restart.clone().map(|peer| peer as Arc<dyn SecretSubscriber>));
        let secrets = Arc::new(SecretWatch {
            client: context.client.clone(),
            secrets: context.secrets.clone(),
            subscribers,
        });
        for scope in context.settings.scope.parts() {
            tasks.spawn(secrets.clone().run(scope, context.readiness.add_watch()));
        }
        self.sealed.watch(tasks);
    }

    /// Reconciles the objects of a namespace.
    fn joined(&self) -> impl Fn(&str) + Send + 'static {
        let (sealed, external) = (self.sealed.clone(), self.external.clone());
        let restart = self.restart.clone();
        move |namespace| {
            info!(namespace, "the namespace is selected");
            sealed.enqueue_namespace(namespace);
            if let Some(external) = &external {
                external.enqueue_namespace(namespace);
            }
            if let Some(restart) = &restart {
                restart.enqueue_namespace(namespace);
            }
        }
    }
}
