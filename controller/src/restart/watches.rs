//! The triggers of a reconcile: watches of workloads, changed Secrets, their sources, and time.

use std::{sync::Arc, time::Duration};

use kube::{Api, api::ObjectMeta};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::{
    annotations::Source, controller::RestartController, index::Touched, kind::WorkloadKind,
    workload::WorkloadObject,
};
use crate::{
    key::ObjectKey,
    runtime::{
        controller::resync,
        lenient::Lenient,
        scope::{NamespaceScope, WatchScope},
        watch::{Absence, Listing, Readiness, Watch, WatchEvent},
    },
    target::watch::{SealedSecretSubscriber, SecretChange, SecretSubscriber},
};

/// How often to retry a kind that is not served or may not be watched.
const KIND_POLL_INTERVAL: Duration = Duration::from_secs(60);

impl RestartController {
    /// Starts the watches of workloads. Start the workers only when these watches, the watch of
    /// Secrets and the watches of their sources have listed. A Secret that the index lacks counts
    /// as missing, and a Canary decides who restarts its workload.
    pub(crate) fn watch(
        self: &Arc<Self>,
        scope: &WatchScope,
        tasks: &mut JoinSet<()>,
    ) -> Readiness {
        let readiness = Readiness::default();
        for kind in WorkloadKind::ALL {
            for scope in scope.parts() {
                let (this, listing) = (self.clone(), readiness.add_watch());
                tasks.spawn(async move { this.watch_kind(kind, scope, listing).await });
            }
        }
        readiness
    }

    /// Adds all workloads to the queue, now and once in each period.
    pub(crate) async fn resync(self: Arc<Self>, period: Duration) {
        info!(workloads = self.index.len(), "initial sync of workloads complete");
        self.enqueue(self.index.keys());
        resync(&self.queue, period, || self.index.keys()).await;
    }

    async fn watch_kind(&self, kind: WorkloadKind, scope: NamespaceScope, mut listing: Listing) {
        let api: Api<Lenient<WorkloadObject>> = scope.api_of(self.context.client.clone(), &kind);
        let what = scope.describe(kind.plural());
        let handle = |event| match event {
            WatchEvent::Applied { object, is_listed } => {
                self.enqueue(self.index.upsert(kind, &object, !is_listed));
            }
            WatchEvent::Deleted(metadata) => {
                self.removed(self.index.remove(kind, &ObjectKey::of(&metadata)));
            }
            WatchEvent::Listed(listed) => {
                let keep = |key: &ObjectKey| !scope.covers(key) || listed.contains(key);
                self.removed(self.index.retain(kind, keep));
                self.metrics.set_watch_forbidden(kind, false);
                listing.complete();
            }
            WatchEvent::Absent(absence) => {
                self.removed(self.index.retain(kind, |key| !scope.covers(key)));
                self.metrics.set_watch_forbidden(kind, absence == Absence::Forbidden);
                log_absence(kind, &what, absence);
                listing.complete();
            }
        };
        Watch::new(api, what.clone()).optional(KIND_POLL_INTERVAL).run(handle).await;
    }

    /// Objects were removed from the index, which affects these workloads.
    fn removed(&self, touched: Touched) {
        self.enqueue(touched);
        self.metrics.set_pending(self.index.pending());
    }
}

impl SecretSubscriber for RestartController {
    fn secret_changed(&self, change: &SecretChange<'_>) {
        self.enqueue(self.index.users_of(change.key));
    }
}

impl SealedSecretSubscriber for RestartController {
    fn sealed_secret_applied(self: Arc<Self>, metadata: &ObjectMeta) {
        let key = ObjectKey::of(metadata);
        let source = Source::of(metadata);
        let Some(touched) = self.index.set_source(&key, source.clone()) else { return };
        self.enqueue(touched);
        let Some(source) = source else { return };
        let excess = self.index.excess_targets(&key);
        if excess > 0 || !source.invalid.is_empty() {
            tokio::spawn(async move { self.report_invalid_targets(&key, &source, excess).await });
        }
    }

    fn sealed_secret_deleted(&self, key: &ObjectKey) {
        self.enqueue(self.index.set_source(key, None).unwrap_or_default());
    }
}

fn log_absence(kind: WorkloadKind, what: &str, absence: Absence) {
    let [_, resource, group, _] = kind.names();
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
