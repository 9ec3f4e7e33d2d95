//! Builds the context, starts three controllers as peers, and shuts them down.

mod controllers;
mod signals;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use axum::Router;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};
use tracing::{info, warn};

use self::{
    controllers::Controllers,
    signals::{request_keys, signalled},
};
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
        Fence, MacKey, QueueMetrics, ReconcileMetrics, WorkQueue,
        blocking::block_on,
        client,
        leader::{Election, Ended, LeaderMetrics},
        memory::TemplateMemory,
        process::ProcessMetrics,
        spawn_workers, stopped,
    },
    sealed::{self, SealedSecretController, metrics::SealedSecretMetrics},
    target::{policy::Policy, watch::SealedSecretSubscriber},
    telemetry::CurrentLevel,
};

/// How long reconciles and HTTP requests may continue after a signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long reconciles may continue after a signal while another replica waits for the lease.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long requests in flight may continue after that.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// When to retry requests of the start.
const START_RETRY_DELAY: Duration = Duration::from_secs(2);

/// The state of the process before its first request.
struct Process {
    config: Config,
    namespace: String,
    client: Client,
    /// Open while this process may write.
    fence: Fence,
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
/// When the cluster's configuration is invalid, an address is not available, or another replica took
/// the lease. A new process is a standby with an empty memory, which is simpler than to become one.
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
    let (resign, resigned) = watch::channel(false);
    let mut elections = JoinSet::new();
    if let Some(election) = process.election(&mut registry)? {
        elections.spawn(election.run(resigned));
    }
    let fence = process.fence.clone();
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
        Some(ended) = elections.join_next() => bail!(lost(ended)),
    }
    stop.send_replace(true);
    if !elections.is_empty() {
        let _ = tokio::time::timeout(HANDOVER_TIMEOUT, control.join_next()).await;
        fence.close();
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, fence.drained()).await;
        resign.send_replace(true);
        elections.join_next().await;
    }
    let end = async { tokio::join!(control.join_all(), servers.join_all()) };
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, end).await;
    Ok(())
}

/// Why the process ends after its election has ended.
fn lost(ended: Result<Ended, JoinError>) -> anyhow::Error {
    match ended {
        Ok(Ended::Lost) => anyhow!("this replica lost its lease; it must start again"),
        Ok(Ended::Resigned) => anyhow!("the leader election ended"),
        Err(_) => anyhow!("the leader election panicked"),
    }
}

impl Process {
    async fn new(config: Config, registry: &mut Registry) -> anyhow::Result<Self> {
        let namespace = config.namespace();
        info!(version = env!("CARGO_PKG_VERSION"), namespace, "starting");
        let fence = if config.leader.leader_elect { Fence::closed() } else { Fence::default() };
        let kubeconfig = config.kubeconfig.as_deref();
        let client = client::connect(kubeconfig, fence.clone(), registry).await;
        let client = client.context("the configuration of the cluster is invalid")?;
        let sealed_queue = Arc::new(WorkQueue::new(config.workers));
        let external_queue = Arc::new(WorkQueue::new(config.external_workers));
        if !fence.is_permanent() {
            sealed_queue.hold();
            external_queue.hold();
        }
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
            fence,
            sealed_queue,
            external_queue,
        })
    }

    /// `None` if this process is the only one.
    fn election(&self, registry: &mut Registry) -> anyhow::Result<Option<Election>> {
        if self.fence.is_permanent() {
            return Ok(None);
        }
        let timing = self.config.leader.timing().map_err(|problem| anyhow!(problem))?;
        let lease = self.config.leader.leader_election_id.as_str();
        let host = std::env::var("HOSTNAME").unwrap_or_default();
        let identity = format!("{host}_{:016x}", rand::random::<u64>());
        let metrics = LeaderMetrics::register(registry, lease);
        let (client, fence) = (self.client.clone(), self.fence.clone());
        let place = (self.namespace.as_str(), lease);
        Ok(Some(Election::new(client, place, identity, timing, fence, metrics)))
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
        controllers.sealed.start(watches);
        let workloads = controllers.restart.as_ref();
        let workloads = workloads.map(|restart| restart.watch(&context.settings.scope, watches));
        self.lead(&controllers).await;
        let (sealed, metrics) = (&controllers.sealed, &self.reconciles);
        spawn_workers(workers, sealed, self.config.workers, metrics, stop);
        if let Some(external) = &controllers.external {
            external.inherit_event_paths();
            spawn_workers(workers, external, self.config.external_workers, metrics, stop);
            spawn_workers(workers, &external.stores, STORE_WORKERS, metrics, stop);
            self.poll_events(external, watches).await;
        }
        if let (Some(restart), Some(workloads)) = (&controllers.restart, workloads) {
            workloads.wait().await;
            watches.spawn(restart.clone().resync(context.settings.resync_period));
            spawn_workers(workers, restart, restart::controller::WORKERS, metrics, stop);
        }
        std::future::pending::<()>().await;
    }

    /// Waits for the lease. Until then, this process only watches.
    async fn lead(&self, controllers: &Controllers) {
        if self.fence.is_permanent() {
            return;
        }
        self.fence.opened().await;
        controllers.sealed.follow_statuses();
        if let Some(external) = &controllers.external {
            external.follow_statuses();
        }
    }

    /// Creates sealing keys and publishes the certificate while this process leads.
    fn manage_keys(&self, tasks: &mut JoinSet<()>) {
        let (renewal, fence) = (self.renewal.clone(), self.fence.clone());
        tasks.spawn(async move {
            fence.opened().await;
            renewal.run().await;
        });
        if let Some(name) = self.config.keys.certificate_config_map.clone() {
            let (store, client) = (self.keys.clone(), self.client.clone());
            let (publisher, fence) =
                (CertificatePublisher { store, client, name }, self.fence.clone());
            tasks.spawn(async move {
                fence.opened().await;
                publisher.run().await;
            });
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
            namespace_selector: self.config.namespace_selector.clone(),
            label_selector: self.config.label_selector.clone(),
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

    /// Loads the MAC key and the sealing keys. Retries until the API server returns them. Only the
    /// leader creates the MAC key.
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
            let leads_already = self.fence.is_open();
            tokio::select! {
                () = tokio::time::sleep(START_RETRY_DELAY) => {}
                () = self.fence.opened(), if !leads_already => {}
            }
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
