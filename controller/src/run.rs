//! Builds the context, starts three controllers as peers, and shuts them down.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tracing::{info, warn};

use crate::{
    aws::{Pool, events::metrics::EventMetrics, metrics::AwsMetrics, rates::Rates, trust},
    config::Config,
    context::{self, Context},
    external::{
        ExternalSecretController, controller::STORE_WORKERS, metrics::ExternalMetrics,
        render::Renderer,
    },
    http::{self, Health, HttpMetrics, Protection},
    keys::{CertificatePublisher, KeyRenewal, KeyStore, mac_key},
    restart::{self, RestartController, RestartMetrics},
    runtime::{
        MacKey, QueueMetrics, ReconcileMetrics, WatchScope, WorkQueue, blocking::block_on, client,
        memory::TemplateMemory, process::ProcessMetrics, spawn_workers, stopped,
    },
    sealed::{self, SealedSecretController, metrics::SealedSecretMetrics},
    target::{
        policy::Policy,
        watch::{SealedSecretSubscriber, SecretSubscriber, SecretWatch},
    },
    telemetry::CurrentLevel,
};

/// How long reconciles and HTTP requests may continue after a signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// When to retry requests of the start.
const START_RETRY_DELAY: Duration = Duration::from_secs(2);

/// The state of the process before its first request.
struct Process {
    config: Config,
    namespace: String,
    client: Client,
    keys: Arc<KeyStore>,
    renewal: Arc<KeyRenewal>,
    health: Arc<Health>,
    http_metrics: HttpMetrics,
    /// `None` without ExternalSecrets.
    pool: Option<Arc<Pool>>,
    sealed_queue: Arc<WorkQueue>,
    external_queue: Arc<WorkQueue>,
    sealed_metrics: SealedSecretMetrics,
    external_metrics: ExternalMetrics,
    event_metrics: EventMetrics,
    restart_metrics: RestartMetrics,
    reconciles: ReconcileMetrics,
}

/// The controllers. One that a flag turned off is `None`.
struct Controllers {
    sealed: Arc<SealedSecretController>,
    external: Option<Arc<ExternalSecretController>>,
    restart: Option<Arc<RestartController>>,
}

/// Keeps the memory of this process, which contains private keys, out of core dumps, and hides it
/// from other processes of the same user. Ignores systems that do not support that.
pub fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, none).is_err()
        || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err()
    {
        warn!("cannot turn off core dumps of this process");
    }
}

/// Runs the controller until SIGTERM or SIGINT.
///
/// # Errors
/// When the cluster's configuration is invalid, or an address is not available.
pub fn run(config: Config, level: CurrentLevel) -> anyhow::Result<()> {
    config.notices.log();
    block_on(run_until_signalled(config, level))
}

async fn run_until_signalled(config: Config, level: CurrentLevel) -> anyhow::Result<()> {
    if let Some(file) = &config.log_level_file {
        tokio::spawn(level.follow(file.clone()));
    }
    let mut registry = Registry::default();
    let process = Process::new(config, &mut registry).await?;
    let (stop, stop_receiver) = watch::channel(false);
    let Config { listen_addr, listen_metrics_addr, .. } = process.config;
    let timeouts = process.config.http.timeouts();
    let protection = process.config.metrics.protection()?;
    let metrics = http::metrics(registry, &protection, &process.client);
    let (api, none) = (process.api(), Protection::None);
    let mut servers = JoinSet::new();
    servers.spawn(http::serve(listen_addr, "api", api, none, timeouts, stop_receiver.clone()));
    let stop_metrics = stop_receiver.clone();
    servers.spawn(http::serve(
        listen_metrics_addr,
        "metrics",
        metrics,
        protection,
        timeouts,
        stop_metrics,
    ));
    let mut signals = JoinSet::new();
    signals.spawn(request_keys(process.renewal.clone()));
    let mut control = JoinSet::new();
    control.spawn(process.control(stop_receiver));
    tokio::select! {
        () = signalled() => info!("stopping"),
        Some(ended) = servers.join_next() => {
            ended.context("a server panicked")?.context("an endpoint cannot be served")?;
        }
        Some(ended) = control.join_next() => ended.context("the controller panicked")?,
    }
    stop.send_replace(true);
    let end = async { tokio::join!(control.join_all(), servers.join_all()) };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, end).await;
    Ok(())
}

impl Process {
    async fn new(config: Config, registry: &mut Registry) -> anyhow::Result<Self> {
        let namespace = config.namespace();
        info!(version = env!("CARGO_PKG_VERSION"), namespace, "starting");
        let client = client::connect(config.kubeconfig.as_deref(), registry).await;
        let client = client.context("the configuration of the cluster is invalid")?;
        let sealed_queue = Arc::new(WorkQueue::new(config.workers));
        let external_queue = Arc::new(WorkQueue::new(config.external_workers));
        registry.register_collector(Box::new(QueueMetrics(sealed_queue.clone())));
        registry.register_collector(Box::new(ProcessMetrics::new()));
        let aws_metrics = AwsMetrics::register(registry);
        let pool = if config.external_secrets {
            let http_client = trust::http_client(config.ca_bundle().as_deref());
            let http_client = http_client.context("cannot verify the servers of AWS")?;
            let rates = Rates::new(config.aws_quota_percent);
            Some(Arc::new(Pool::new(client.clone(), aws_metrics, http_client, rates)))
        } else {
            None
        };
        let object_labels = !config.metrics_omit_secret_labels;
        let keys = Arc::new(KeyStore::new(&namespace, config.key_settings(), registry));
        let renewal = KeyRenewal::new(keys.clone(), client.clone(), config.keys.renewal());
        Ok(Self {
            keys,
            renewal: Arc::new(renewal),
            http_metrics: HttpMetrics::register(registry),
            health: Arc::new(Health::new(vec![sealed_queue.clone(), external_queue.clone()])),
            pool,
            sealed_metrics: SealedSecretMetrics::register(registry, object_labels),
            external_metrics: ExternalMetrics::register(registry, object_labels),
            event_metrics: EventMetrics::register(registry),
            restart_metrics: RestartMetrics::register(registry),
            reconciles: ReconcileMetrics::register(registry),
            config,
            namespace,
            client,
            sealed_queue,
            external_queue,
        })
    }

    fn api(&self) -> Router {
        let settings = self.config.http.settings(self.config.accept_deprecated_v1_data);
        http::api(self.keys.clone(), self.health.clone(), settings, &self.http_metrics)
    }

    /// Runs the controllers until `stop` turns true, and then waits for running reconciles.
    async fn control(self, stop: watch::Receiver<bool>) {
        let (mut watches, mut workers) = (JoinSet::new(), JoinSet::new());
        tokio::select! {
            () = self.start(&mut watches, &mut workers, &stop) => {}
            () = stopped(stop.clone()) => {}
        }
        watches.abort_all();
        while workers.join_next().await.is_some() {}
    }

    async fn start(
        &self,
        watches: &mut JoinSet<()>,
        workers: &mut JoinSet<()>,
        stop: &watch::Receiver<bool>,
    ) {
        let context = Arc::new(self.context().await);
        let controllers = self.controllers(&context);
        controllers.watch(&context, watches);
        self.manage_keys(watches);
        context.readiness.wait().await;
        self.renewal.wait_first().await;
        self.health.set_synced();
        info!(secrets = context.secrets.len(), "initial sync complete");
        let (sealed, metrics) = (&controllers.sealed, &self.reconciles);
        sealed.start(watches);
        spawn_workers(workers, sealed, self.config.workers, metrics, stop);
        if let Some(external) = &controllers.external {
            external.inherit_event_paths();
            spawn_workers(workers, external, self.config.external_workers, metrics, stop);
            spawn_workers(workers, &external.stores, STORE_WORKERS, metrics, stop);
            self.poll_events(external, watches).await;
        }
        if let Some(restart) = &controllers.restart {
            restart.watch(&context.settings.scope, watches).wait().await;
            watches.spawn(restart.clone().resync(context.settings.resync_period));
            spawn_workers(workers, restart, restart::controller::WORKERS, metrics, stop);
        }
        std::future::pending::<()>().await;
    }

    /// Creates sealing keys and publishes the certificate. Only the leader may do this.
    fn manage_keys(&self, tasks: &mut JoinSet<()>) {
        tasks.spawn(self.renewal.clone().run());
        if let Some(name) = self.config.keys.certificate_config_map.clone() {
            let (store, client) = (self.keys.clone(), self.client.clone());
            tasks.spawn(CertificatePublisher { store, client, name }.run());
        }
    }

    /// Starts after the watches, so that the objects of each event are known.
    async fn poll_events(&self, external: &Arc<ExternalSecretController>, tasks: &mut JoinSet<()>) {
        let Some(pool) = &self.pool else { return };
        tasks.spawn(external.clone().watch_event_paths());
        for (number, queue) in self.config.event_queue.iter().enumerate() {
            let poller = pool.poller(number, queue, &self.event_metrics).await;
            tasks.spawn(poller.run(external.clone()));
        }
    }

    async fn context(&self) -> Context {
        let mac_key = Arc::new(self.load_keys().await);
        let settings = context::Settings {
            scope: self.config.watched(&self.namespace),
            resync_period: self.config.resync_period.unsigned_abs(),
            copies_tool_metadata: self.config.copy_tool_metadata,
            instance: std::env::var("HOSTNAME").unwrap_or_default(),
            keeps_items: self.config.restarts().is_some(),
        };
        let policy = Policy {
            namespace: self.namespace.clone(),
            key_prefix: self.config.key_settings().prefix,
            allowed_types: self.config.allow_secret_type.iter().cloned().collect(),
        };
        Context::new(self.client.clone(), settings, self.keys.clone(), mac_key, policy)
    }

    /// Loads the MAC key and the sealing keys. Retries until the API server returns them.
    async fn load_keys(&self) -> MacKey {
        let load = async || {
            let mac_key = mac_key::load_or_create(&self.client, &self.namespace).await?;
            self.keys.load(&self.client).await?;
            anyhow::Ok(mac_key)
        };
        loop {
            match load().await {
                Ok(mac_key) => return mac_key,
                Err(error) => warn!(%error, "cannot start yet; retrying"),
            }
            tokio::time::sleep(START_RETRY_DELAY).await;
        }
    }

    fn controllers(&self, context: &Arc<Context>) -> Controllers {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = Arc::new(TemplateMemory::of_this_container());
        let restart = self.config.restarts().map(|settings| {
            let metrics = self.restart_metrics.clone();
            Arc::new(RestartController::new(context.clone(), metrics, settings))
        });
        let subscribers =
            restart.iter().map(|peer| peer.clone() as Arc<dyn SealedSecretSubscriber>);
        let settings = sealed::controller::Settings {
            accepts_legacy_data: self.config.accept_deprecated_v1_data,
            writes_status: self.config.update_status,
            skips_recreate: self.config.skip_recreate,
            templates: self.config.templates(&memory),
            cores,
        };
        let sealed = Arc::new(SealedSecretController::new(
            context.clone(),
            self.sealed_queue.clone(),
            self.sealed_metrics.clone(),
            settings,
            subscribers.collect(),
        ));
        let external = self.pool.as_ref().map(|pool| {
            Arc::new(ExternalSecretController::new(
                context,
                self.external_queue.clone(),
                pool.clone(),
                Renderer::new(self.config.templates(&memory), &self.config.delimiters(), 2 * cores),
                self.external_metrics.clone(),
                self.config.externals(),
            ))
        });
        Controllers { sealed, external, restart }
    }
}

impl Controllers {
    /// Starts all watches. The context's readiness waits for them.
    fn watch(&self, context: &Arc<Context>, tasks: &mut JoinSet<()>) {
        tasks.spawn(context.keys.clone().watch(context.client.clone()));
        // With Roles in some namespaces only, the controller may not watch namespaces. The API
        // server refuses a creation in a namespace that is being deleted.
        if context.settings.scope == WatchScope::All {
            let listing = context.readiness.add_watch();
            tasks.spawn(context.namespaces.clone().watch(context.client.clone(), listing));
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
}

/// Creates a sealing key at each SIGUSR1, as Bitnami's controller does.
fn request_keys(renewal: Arc<KeyRenewal>) -> impl Future<Output = ()> {
    let signals = signal(SignalKind::user_defined1());
    let mut signals = signals.expect("the process can handle signals");
    async move {
        while signals.recv().await.is_some() {
            renewal.request();
        }
    }
}

async fn signalled() {
    let mut terminate = signal(SignalKind::terminate()).expect("the process can handle signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the process can handle signals");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
