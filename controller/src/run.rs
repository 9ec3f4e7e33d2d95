//! Wires everything, and ends it.

use std::{future::Future, sync::Arc, time::Duration};

use anyhow::Context as _;
use kube::Client;
use prometheus_client::registry::Registry;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tracing::{info, warn};

use crate::{
    aws::{Pool, metrics::AwsMetrics},
    config::Config,
    external::{self, ExternalSecretController},
    http::{self, Endpoints, Health},
    keys::{KeyMetrics, KeyStore, mac_key},
    metrics::external::ExternalMetrics,
    restart::{RestartController, RestartMetrics},
    runtime::client,
    runtime::events::EventPublisher,
    runtime::metrics::{QueueMetrics, RequestMetrics},
    runtime::namespaces::Namespaces,
    runtime::queue::WorkQueue,
    runtime::scope::WatchScope,
    sealed::{
        SealedIndex, SealedSecretController, metrics::SealedSecretMetrics, render::Renderer,
        unseal::Unsealer,
    },
    target::{SecretIndex, Writer, fingerprint::MacKey, policy::Policy},
};

/// How long passes that have begun get to end.
const GRACE: Duration = Duration::from_secs(10);
/// How many stores are checked at a time.
const STORE_WORKERS: usize = 4;
/// How long to wait before the API server is asked again for what the start needs.
const START_RETRY: Duration = Duration::from_secs(2);

/// What is there from the beginning for ExternalSecrets.
struct External {
    queue: Arc<WorkQueue>,
    metrics: ExternalMetrics,
    aws: AwsMetrics,
    restarts: RestartMetrics,
}

/// Keeps the memory of this process, which holds private keys, out of core dumps and away from
/// other processes of the same user. Where the system does not allow that, it runs all the same.
pub fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, none).is_err()
        || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err()
    {
        warn!("core dumps of this process cannot be turned off");
    }
}

/// Runs the controller until SIGTERM or SIGINT.
///
/// # Errors
/// When the configuration of the cluster cannot be used, or an address not be listened on.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let namespace = config.namespace();
    info!(version = env!("CARGO_PKG_VERSION"), namespace, "starting");
    let queue = Arc::new(WorkQueue::default());
    let mut registry = Registry::default();
    let metrics = SealedSecretMetrics::register(&mut registry, !config.metrics_omit_secret_labels);
    QueueMetrics::register(&mut registry, queue.clone());
    let external = External {
        queue: Arc::default(),
        metrics: ExternalMetrics::register(&mut registry, !config.metrics_omit_secret_labels),
        aws: AwsMetrics::register(&mut registry),
        restarts: RestartMetrics::register(&mut registry),
    };
    let client =
        client::connect(config.kubeconfig.as_deref(), RequestMetrics::register(&mut registry))
            .await
            .context("the configuration of the cluster cannot be used")?;

    let keys = Arc::new(KeyStore::new(
        &namespace,
        config.key_settings(),
        KeyMetrics::register(&mut registry),
    ));
    let health = Arc::new(Health::new(vec![queue.clone(), external.queue.clone()]));
    let (stop, stopped) = watch::channel(false);
    let stopping = move || {
        let mut stopped = stopped.clone();
        async move {
            // An error means that the sender is gone, and then everything is.
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    };
    let endpoints = Endpoints { keys: keys.clone(), health: health.clone() };
    let mut servers = JoinSet::new();
    servers.spawn(http::serve(config.listen_addr, endpoints, stopping()));
    servers.spawn(http::serve_metrics(config.listen_metrics_addr, Arc::new(registry), stopping()));

    let mut work = JoinSet::new();
    work.spawn(control(
        config,
        namespace,
        client,
        keys,
        health,
        queue,
        metrics,
        external,
        stopping(),
    ));
    tokio::select! {
        () = signalled() => info!("stopping"),
        Some(ended) = servers.join_next() => {
            ended.context("a server failed")?.context("an address cannot be listened on")?;
        }
        Some(ended) = work.join_next() => ended.context("the controller failed on a bug")?,
    }
    stop.send_replace(true);
    let _ = tokio::time::timeout(GRACE, work.join_all()).await;
    Ok(())
}

/// Loads what the start needs, starts the watches, and works until `stop` ends.
#[expect(clippy::too_many_arguments, reason = "called once, to wire them")]
async fn control(
    config: Config,
    namespace: String,
    client: Client,
    keys: Arc<KeyStore>,
    health: Arc<Health>,
    queue: Arc<WorkQueue>,
    metrics: SealedSecretMetrics,
    external: External,
    stop: impl Future<Output = ()>,
) {
    let start = async {
        let mac_key = loaded(&client, &namespace, &keys).await;
        Arc::new(reconciler(
            &config, &namespace, &client, &keys, &queue, &metrics, &external, mac_key,
        ))
    };
    let mut watches = JoinSet::new();
    let mut workers = JoinSet::new();
    let run = async {
        let reconciler = start.await;
        watches.spawn(keys.clone().watch(client.clone()));
        follow_all(&reconciler, &config.watched(&namespace), &mut watches).await;
        health.set_synced();
        info!(secrets = reconciler.secrets.len(), "the cluster is known");
        let changes = keys.changes();
        let this = reconciler.clone();
        watches.spawn(async move { this.watch_keys(changes).await });
        let this = reconciler.clone();
        let period = config.resync_period();
        watches.spawn(async move { this.resync(period).await });
        if let Some(restarts) = reconciler.restarts.clone() {
            watches.spawn(restarts.run(config.watched(&namespace), period));
        }
        if let Some(externals) = &reconciler.externals {
            for _ in 0..config.external_workers() {
                workers.spawn(externals.clone().work_off());
            }
            for _ in 0..STORE_WORKERS {
                workers.spawn(externals.clone().work_off_stores());
            }
        }
        for _ in 0..config.workers {
            workers.spawn(reconciler.clone().work_off());
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = run => {}
        () = stop => {}
    }
    watches.abort_all();
    // A pass runs in a task of its own and ends in its time; what waits is for the next start.
    workers.abort_all();
}

/// Starts the watches and waits until each has seen everything once.
async fn follow_all(
    reconciler: &Arc<SealedSecretController>,
    reach: &WatchScope,
    watches: &mut JoinSet<()>,
) {
    let (seen, mut ready) = watch::channel(Vec::new());
    let seen = Arc::new(seen);
    let mark = || {
        let seen = seen.clone();
        let mut which = 0;
        seen.send_modify(|all| {
            which = all.len();
            all.push(false);
        });
        move || seen.send_modify(|all: &mut Vec<bool>| all[which] = true)
    };
    // Only the whole cluster can be asked for namespaces. Without it, the API server's refusal to
    // create anything in one that is being deleted tells.
    if *reach == WatchScope::All {
        let (this, done) = (reconciler.clone(), mark());
        watches.spawn(async move {
            this.namespaces.clone().watch(this.client.clone(), done).await;
        });
    }
    if let Some(externals) = &reconciler.externals {
        externals.follow(reach, watches, || Box::new(mark()));
    }
    for part in reach.parts() {
        let (this, done, of) = (reconciler.clone(), mark(), part.clone());
        watches.spawn(async move { this.watch_secrets(&of, done).await });
        let (this, done) = (reconciler.clone(), mark());
        watches.spawn(async move { this.watch_objects(&part, done).await });
    }
    let _ = ready.wait_for(|all| all.iter().all(|seen| *seen)).await;
}

/// The MAC key, with the sealing keys loaded: asked for until the API server gives them.
async fn loaded(client: &Client, namespace: &str, keys: &KeyStore) -> Arc<MacKey> {
    loop {
        let failure = match mac_key::load_or_create(client, namespace).await {
            Ok(mac_key) => match keys.load(client).await {
                Ok(()) => return Arc::new(mac_key),
                Err(error) => error.to_string(),
            },
            Err(error) => error.to_string(),
        };
        warn!(error = failure, "cannot start yet, trying again");
        tokio::time::sleep(START_RETRY).await;
    }
}

#[expect(clippy::too_many_arguments, reason = "called once, to wire them")]
fn reconciler(
    config: &Config,
    namespace: &str,
    client: &Client,
    keys: &Arc<KeyStore>,
    queue: &Arc<WorkQueue>,
    metrics: &SealedSecretMetrics,
    external: &External,
    mac_key: Arc<MacKey>,
) -> SealedSecretController {
    let secrets = SecretIndex::new(mac_key.clone());
    let restarts = config.restarts();
    let secrets = Arc::new(if restarts.is_some() { secrets.with_items() } else { secrets });
    let events = EventPublisher::new(client.clone(), std::env::var("HOSTNAME").unwrap_or_default());
    let restarts = restarts.map(|settings| {
        let (secrets, mac_key) = (secrets.clone(), mac_key.clone());
        RestartController::new(
            client.clone(),
            secrets,
            mac_key,
            events.clone(),
            external.restarts.clone(),
            settings,
        )
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let settings = config.key_settings();
    let policy = Policy {
        namespace: namespace.to_owned(),
        key_prefix: settings.prefix,
        allowed_types: config.allowed_types(),
    };
    let namespaces = Arc::new(Namespaces::default());
    let writer = Writer::new(client.clone(), secrets.clone());
    let externals = config.external_secrets().then(|| {
        Arc::new(ExternalSecretController {
            client: client.clone(),
            objects: Arc::default(),
            secrets: secrets.clone(),
            stores: Arc::default(),
            writer: writer.clone(),
            namespaces: namespaces.clone(),
            pool: Arc::new(Pool::new(client.clone(), external.aws.clone())),
            renderer: external::render::Renderer::new(
                config.templates(),
                config.delimiters(),
                cores,
            ),
            policy: policy.clone(),
            settings: config.externals(),
            upstream_crd: external::upstream_crd::UpstreamCrd::default(),
            queue: external.queue.clone(),
            store_queue: Arc::default(),
            store_interval: config.store_interval(),
            events: events.clone(),
            metrics: external.metrics.clone(),
        })
    });
    SealedSecretController {
        client: client.clone(),
        objects: Arc::new(SealedIndex::new(mac_key.clone())),
        writer,
        secrets,
        namespaces,
        externals,
        keys: keys.clone(),
        // Two a core: with an odd number of items no core is idle while the last is opened.
        opener: Unsealer::new(2 * cores),
        renderer: Renderer::new(config.templates(), cores),
        mac_key,
        policy,
        accepts_legacy_data: config.accept_deprecated_v1_data,
        queue: queue.clone(),
        events,
        metrics: metrics.clone(),
        restarts: restarts.map(Arc::new),
    }
}

async fn signalled() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be handled");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be handled");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
