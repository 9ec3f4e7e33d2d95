//! What triggers a reconcile: watches of workloads, changed Secrets, their sources, and time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kube::{
    Api,
    runtime::watcher::{Config, Event},
};
use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use super::{
    annotations::Targets,
    controller::RestartController,
    kind::{WorkloadKey, WorkloadKind},
    source::{Source, SourceKey, SourceKind},
    workload::WorkloadObject,
};
use crate::{
    key::ObjectKey,
    runtime::{
        queue::Priority,
        scope::{NamespaceScope, WatchScope},
        watch::{Absence, follow_while_served},
    },
};

/// How often to try a kind again that is not served or may not be watched.
const KIND_POLL_INTERVAL: Duration = Duration::from_secs(60);
/// A reconcile makes few requests, so these suffice.
const WORKERS: usize = 8;

impl RestartController {
    /// Follows the workloads and restarts them until the future is dropped. The watches of Secrets and
    /// of their sources must have delivered their lists before: a Secret that the index lacks counts
    /// as missing.
    pub async fn run(self: Arc<Self>, watched: WatchScope, resync: Duration) {
        let mut tasks = JoinSet::new();
        let kinds: Vec<_> = WorkloadKind::ALL
            .into_iter()
            .flat_map(|kind| watched.parts().into_iter().map(move |part| (kind, part)))
            .collect();
        let (seen, mut ready) = watch::channel(vec![false; kinds.len()]);
        let seen = Arc::new(seen);
        for (which, (kind, part)) in kinds.into_iter().enumerate() {
            let (this, seen) = (self.clone(), seen.clone());
            tasks.spawn(async move {
                let ready = move || seen.send_modify(|all| all[which] = true);
                this.watch_kind(kind, &part, ready).await;
            });
        }
        // The Canaries must be known before a workload is restarted.
        let _ = ready.wait_for(|all| all.iter().all(|seen| *seen)).await;
        info!(workloads = self.index.len(), "initial sync of workloads complete");
        for key in self.index.keys() {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
        for _ in 0..WORKERS {
            tasks.spawn(self.clone().run_worker());
        }
        let mut ticks = tokio::time::interval(resync);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            for key in self.index.keys() {
                self.queue.add(key, Priority::Resync, Duration::ZERO);
            }
        }
    }

    /// Call this when a Secret was changed or deleted.
    pub fn secret_changed(&self, secret: &ObjectKey) {
        self.enqueue(self.index.users_of(secret));
    }

    /// Call this when an object that makes a Secret was listed or changed, with its annotation
    /// `restart-targets`.
    pub fn source_changed(
        self: &Arc<Self>,
        key: &SourceKey,
        uid: &str,
        secret: &str,
        annotation: Option<&str>,
    ) {
        let source = annotation.map(|text| Source {
            uid: uid.to_owned(),
            secret: secret.to_owned(),
            targets: Targets::of(Some(text)),
        });
        let invalid = source.iter().flat_map(|source| source.targets.invalid.clone());
        let invalid: Vec<_> = invalid.collect();
        if let Some(touched) = self.index.set_source(key, source) {
            self.enqueue(touched);
            if !invalid.is_empty() {
                let (this, key, uid) = (self.clone(), key.clone(), uid.to_owned());
                tokio::spawn(
                    async move { this.report_invalid_targets(&key, &uid, &invalid).await },
                );
            }
        }
    }

    /// Call this when an object that makes a Secret was deleted.
    pub fn source_deleted(&self, key: &SourceKey) {
        self.enqueue(self.index.set_source(key, None).unwrap_or_default());
    }

    /// Call this after a new list of objects that make Secrets.
    pub fn sources_listed(&self, kind: SourceKind, keep: impl Fn(&ObjectKey) -> bool) {
        self.enqueue(self.index.retain_sources(kind, keep));
    }

    async fn watch_kind(&self, kind: WorkloadKind, part: &NamespaceScope, mut ready: impl FnMut()) {
        let what = part.describe(kind.plural());
        let mut absent = None;
        loop {
            let api: Api<WorkloadObject> = part.api_of(self.client.clone(), &kind);
            let mut listed = HashSet::new();
            let absence = follow_while_served(api, Config::default(), &what, |event| match event {
                Event::Init => listed.clear(),
                Event::InitApply(object) => {
                    listed.insert(ObjectKey::of(&object.metadata));
                    self.enqueue(self.index.upsert(kind, &object, false));
                }
                Event::InitDone => {
                    let keep = |key: &ObjectKey| !part.covers(key) || listed.contains(key);
                    self.enqueue(self.index.retain(kind, keep));
                    self.metrics.set_pending(self.index.pending());
                    listed.clear();
                    absent = None;
                    self.metrics.set_watch_forbidden(kind, false);
                    ready();
                }
                Event::Apply(object) => self.enqueue(self.index.upsert(kind, &object, true)),
                Event::Delete(object) => {
                    self.enqueue(self.index.remove(kind, &ObjectKey::of(&object.metadata)));
                    self.metrics.set_pending(self.index.pending());
                }
            })
            .await;
            self.enqueue(self.index.retain(kind, |key| !part.covers(key)));
            self.metrics.set_pending(self.index.pending());
            self.metrics.set_watch_forbidden(kind, absence == Absence::Forbidden);
            if absent.replace(absence) != Some(absence) {
                log_absence(kind, &what, absence);
            }
            ready();
            tokio::time::sleep(KIND_POLL_INTERVAL).await;
        }
    }

    /// Takes from the queue until the process ends. A reconcile that panics costs only its workload a
    /// retry.
    async fn run_worker(self: Arc<Self>) {
        loop {
            let key = self.queue.next().await;
            let this = self.clone();
            let workload = key.clone();
            let reconcile = tokio::spawn(async move { this.reconcile(&workload).await });
            if let Err(error) = reconcile.await
                && error.is_panic()
            {
                warn!(workload = %key, "reconcile panicked; please report this bug");
                self.queue.add(key.clone(), Priority::Retry, Duration::from_mins(1));
            }
            self.queue.done(&key);
        }
    }

    fn enqueue(&self, keys: Vec<WorkloadKey>) {
        for key in keys {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }
}

fn log_absence(kind: WorkloadKind, what: &str, absence: Absence) {
    let (group, resource) = (kind.group(), kind.plural());
    match absence {
        Absence::NotServed => info!(what, "kind not served; checked again every minute"),
        Absence::Forbidden if kind == WorkloadKind::Canary => warn!(
            "the controller may not watch {resource}.{group} ({what}), so it cannot see which workloads \
             Flagger restarts. Give its ServiceAccount get, list and watch"
        ),
        Absence::Forbidden => warn!(
            "the controller may not watch {resource}.{group} ({what}), so it restarts none of them. Give \
             its ServiceAccount get, list, watch and patch"
        ),
    }
}
