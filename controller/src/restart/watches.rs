//! What makes the controller look at a workload: the watches, the Secrets, their sources, and time.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kube::{
    Api,
    runtime::watcher::{Config, Event},
};
use tokio::{sync::watch, task::JoinSet};
use tracing::{info, warn};

use super::{
    RestartController,
    annotations::Targets,
    index::{Source, SourceKey, SourceKind},
    workload::{Kind, WorkloadKey, WorkloadObject},
};
use crate::{
    key::ObjectKey,
    runtime::queue::Priority,
    runtime::scope::{NamespaceScope, WatchScope},
    runtime::watch::{Absence, follow_while_served},
};

/// How often a kind that is not served, or may not be watched, is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// Workloads looked at at a time. A pass makes two requests at most, so one that waits for an
/// answer delays nobody.
const WORKERS: usize = 8;

impl RestartController {
    /// Follows the workloads and works until it is dropped. The Secrets and what makes them must be
    /// known in full by then: what is not there yet would else be taken for absent.
    pub async fn run(self: Arc<Self>, watched: WatchScope, resync: Duration) {
        let mut tasks = JoinSet::new();
        let kinds: Vec<_> = Kind::ALL
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
        // Whether a workload is Flagger's must be known before it is restarted.
        let _ = ready.wait_for(|all| all.iter().all(|seen| *seen)).await;
        info!(workloads = self.index.len(), "the workloads to restart on changes are known");
        for key in self.index.keys() {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
        for _ in 0..WORKERS {
            tasks.spawn(self.clone().work_off());
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

    /// A Secret was changed, or is gone.
    pub fn secret_changed(&self, secret: &ObjectKey) {
        self.look_at(self.index.users_of(secret));
    }

    /// What makes a Secret was seen: with its annotation [`RESTART_TARGETS`], if it has one.
    pub fn source_seen(
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
            self.look_at(touched);
            if !invalid.is_empty() {
                let (this, key, uid) = (self.clone(), key.clone(), uid.to_owned());
                tokio::spawn(async move { this.tell_invalid_targets(&key, &uid, &invalid).await });
            }
        }
    }

    /// What made a Secret is gone.
    pub fn source_gone(&self, key: &SourceKey) {
        self.look_at(self.index.set_source(key, None).unwrap_or_default());
    }

    /// A new list of what makes Secrets came to its end.
    pub fn sources_listed(&self, kind: SourceKind, keep: impl Fn(&ObjectKey) -> bool) {
        self.look_at(self.index.retain_sources(kind, keep));
    }

    async fn watch_kind(&self, kind: Kind, part: &NamespaceScope, mut ready: impl FnMut()) {
        let what = part.describe(kind.plural());
        let mut absent = None;
        loop {
            let api: Api<WorkloadObject> = part.api_of(self.client.clone(), &kind);
            let mut listed = HashSet::new();
            let absence = follow_while_served(api, Config::default(), &what, |event| match event {
                Event::Init => listed.clear(),
                Event::InitApply(object) => {
                    listed.insert(ObjectKey::of(&object.metadata));
                    self.look_at(self.index.note(kind, &object, false));
                }
                Event::InitDone => {
                    let keep = |key: &ObjectKey| !part.covers(key) || listed.contains(key);
                    self.look_at(self.index.retain(kind, keep));
                    self.metrics.restarts_pending(self.index.pending());
                    listed.clear();
                    absent = None;
                    self.metrics.workloads_forbidden(kind.plural(), false);
                    ready();
                }
                Event::Apply(object) => self.look_at(self.index.note(kind, &object, true)),
                Event::Delete(object) => {
                    self.look_at(self.index.forget(kind, &ObjectKey::of(&object.metadata)));
                    self.metrics.restarts_pending(self.index.pending());
                }
            })
            .await;
            self.look_at(self.index.retain(kind, |key| !part.covers(key)));
            self.metrics.restarts_pending(self.index.pending());
            self.metrics.workloads_forbidden(kind.plural(), absence == Absence::Forbidden);
            if absent.replace(absence) != Some(absence) {
                say_absent(kind, &what, absence);
            }
            ready();
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Takes from the queue until the process ends. A pass that panics costs that workload a retry,
    /// and nobody else anything.
    async fn work_off(self: Arc<Self>) {
        loop {
            let key = self.queue.next().await;
            let this = self.clone();
            let of = key.clone();
            let pass = tokio::spawn(async move { this.pass(&of).await });
            if let Err(error) = pass.await
                && error.is_panic()
            {
                warn!(workload = %key, "a pass failed on a bug: please report it");
                self.queue.add(key.clone(), Priority::Retry, Duration::from_mins(1));
            }
            self.queue.done(&key);
        }
    }

    fn look_at(&self, keys: Vec<WorkloadKey>) {
        for key in keys {
            self.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }
}

fn say_absent(kind: Kind, what: &str, absence: Absence) {
    let (group, resource) = (kind.group(), kind.plural());
    match absence {
        Absence::NotServed => info!(what, "not installed here; looked for again each minute"),
        Absence::Forbidden if kind == Kind::Canary => warn!(
            "the controller may not watch {resource}.{group} ({what}): it cannot leave to Flagger \
             what is Flagger's; give its ServiceAccount get, list and watch"
        ),
        Absence::Forbidden => warn!(
            "the controller may not watch {resource}.{group} ({what}), so it restarts none of them; \
             give its ServiceAccount get, list, watch and patch"
        ),
    }
}
