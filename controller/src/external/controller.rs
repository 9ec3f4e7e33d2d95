//! One pass over one ExternalSecret: observe, decide, read, write at most a Secret and a status.

use std::{sync::Arc, time::Duration};

use crds::{
    ExternalSecret,
    external_secret::{CreationPolicy, DeletionPolicy},
};
use jiff::Timestamp;
use kube::Client;
use tokio::time::Instant;
use tracing::debug;

use super::{
    conclude::{Begun, Complaints, Ended, Unsynced, done, failed},
    fetch,
    index::{ExternalIndex, ExternalSecretEntry},
    render::{Renderer, Trouble},
    schedule::{self, Decision},
    sources::Stores,
    status,
    store::{StoreIndex, StoreKey},
    upstream_crd::UpstreamCrd,
};
use crate::{
    aws::Pool,
    key::ObjectKey,
    metrics::external::ExternalMetrics,
    reason::{Failure, Reason},
    runtime::events::EventPublisher,
    runtime::namespaces::Namespaces,
    runtime::queue::{Priority, WorkQueue},
    target::{SecretIndex, SecretSnapshot, Writer, policy::Policy},
};

/// How long, and how often, an object waits for a store that is not there.
const GRACE: Duration = Duration::from_millis(700);
const GRACES: u32 = 2;

const NO_DATA: &str = "could not get secret data from provider";
pub(super) const NO_UPDATE: &str = "could not update secret";
pub(super) const NO_DELETE: &str = "could not delete secret";

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The class of this controller; stores of others are left alone.
    pub class: String,
    /// Whether Secrets bear the hash of their data.
    pub has_hash: bool,
    /// Whether labels and annotations are copied where there is no template.
    pub copies_labels: bool,
    /// Whether what exists is taken over only if it says so itself.
    pub needs_consent: bool,
    /// Whether ClusterSecretStores are looked at: those who see some namespaces do not see them.
    pub has_cluster_stores: bool,
}

/// Everything a pass needs.
pub struct ExternalSecretController {
    /// The API server.
    pub client: Client,
    /// What is known of the ExternalSecrets.
    pub objects: Arc<ExternalIndex>,
    /// What is known of the Secrets.
    pub secrets: Arc<SecretIndex>,
    /// What is known of the stores.
    pub stores: Arc<StoreIndex>,
    /// The writer of Secrets.
    pub writer: Writer,
    /// The namespaces.
    pub namespaces: Arc<Namespaces>,
    /// Who reads from AWS.
    pub pool: Arc<Pool>,
    /// Puts values together.
    pub renderer: Renderer,
    /// What is refused.
    pub policy: Policy,
    /// What the operator wants.
    pub settings: Settings,
    /// What is known of the CRD in force.
    pub upstream_crd: UpstreamCrd,
    /// Which objects come next.
    pub queue: Arc<WorkQueue>,
    /// Which stores come next.
    pub store_queue: Arc<WorkQueue<StoreKey>>,
    /// How often stores are checked that do not say it.
    pub store_interval: Duration,
    /// For people.
    pub events: EventPublisher,
    /// For programs.
    pub metrics: ExternalMetrics,
}

impl ExternalSecretController {
    /// Looks at one object.
    pub async fn reconcile(&self, key: &ObjectKey) {
        let Some(known) = self.objects.get(key) else { return };
        if known.object.metadata.deletion_timestamp.is_some() {
            return self.release(key, &known).await;
        }
        if self.namespaces.is_terminating(&key.namespace) {
            return;
        }
        let stores = self.stores_of(&known.object, &key.namespace);
        if stores.values().flatten().any(|store| store.is_foreign(&self.settings.class)) {
            debug!(object = %key, "a store of another controller: left alone");
            return;
        }
        let mut others = stores.values().flatten().filter(|store| store.other_provider().is_some());
        if let Some(Err(failure)) = others.next().map(|store| store.aws()) {
            debug!(object = %key, "a store of another provider: left alone");
            return self.leave(key, &known, failure).await;
        }
        if let Some(store) = stores.keys().find(|store| store.namespace.is_none())
            && !self.settings.has_cluster_stores
        {
            let message = format!(
                "{store} is left to another controller: this one looks after some namespaces, and at \
                 SecretStores alone"
            );
            return self.leave(key, &known, Failure::new(Reason::StoreInvalid, message)).await;
        }
        // Watches tell of the object and its store in any order, and it may be somebody else's.
        if known.attempts < GRACES && stores.values().any(Option::is_none) {
            self.objects.update(key, known.uid(), |known| known.attempts += 1);
            return self.queue.add(key.clone(), Priority::Retry, GRACE);
        }
        let seen = self.secrets.get(&known.target());
        match decide(&known, seen.as_ref(), &stores) {
            Decision::Wait(wait) => {
                if let Some(refreshed) = known.refreshed.filter(|_| status::is_ready(&known.status))
                {
                    self.metrics.synced(key, refreshed);
                    self.settle(key, &known).await;
                }
                if let Some(wait) = wait {
                    self.queue.add(key.clone(), Priority::Resync, wait);
                }
            }
            Decision::Refresh => {
                let begun = Begun::now(seen.as_ref());
                let ended = self.work(key, &known, &stores).await;
                self.conclude(key, &known, ended, begun).await;
            }
        }
    }

    /// Reads the values and makes the Secret.
    async fn work(&self, key: &ObjectKey, known: &ExternalSecretEntry, stores: &Stores) -> Ended {
        let object = &known.object;
        let target = &object.spec.target;
        if let Some(manifest) = &target.manifest {
            let kind = manifest.kind.escape_debug();
            let message =
                format!("target.manifest ({kind}) is not supported: the target is a Secret");
            return failed("invalid generic target", Failure::new(Reason::TypeDenied, message));
        }
        if target.creation_policy == CreationPolicy::None {
            return done("SecretSynced", "secret synced", known);
        }
        if let Err(failure) = check_policies(object) {
            return failed(NO_DELETE, failure);
        }
        let sources = self.sources(stores, &key.namespace).await;
        let texts = self.texts(object, &key.namespace).await;
        let entries = fetch::fetch(object, &sources, &known.versions, Instant::now()).await;
        // What was read as somebody else than the store says now must not be written (F20).
        if !self.unchanged(stores)
            || self.objects.get(key).is_none_or(|now| now.uid() != known.uid())
        {
            return Ended::Again;
        }
        self.note_batches(stores, &sources);
        let made = self.renderer.make(
            object.clone(),
            entries,
            texts,
            known.versions.clone(),
            self.settings.copies_labels,
        );
        let parts = match made.await {
            Ok(parts) => parts,
            Err(Trouble::Template(failure)) => return failed(NO_UPDATE, failure),
            Err(Trouble::Values(complaints, versions)) => {
                return Ended::Failed(Unsynced {
                    message: NO_DATA,
                    binding: false,
                    complaints: Complaints(complaints),
                    versions: Some(*versions),
                });
            }
        };
        if parts.is_empty {
            match target.deletion_policy {
                DeletionPolicy::Retain => return done("SecretSynced", RETAINED, known),
                DeletionPolicy::Delete if target.creation_policy != CreationPolicy::Owner => {
                    let message = "there is no value any more, and deletionPolicy Delete deletes \
                                   Secrets of creationPolicy Owner only: use another of the two";
                    return failed(NO_DELETE, Failure::new(Reason::Malformed, message));
                }
                DeletionPolicy::Delete => return self.delete(known, parts.missing).await,
                DeletionPolicy::Merge => {}
            }
        }
        self.apply(key, known, parts).await
    }
}

/// Whether an object's values are to be read.
fn decide(known: &ExternalSecretEntry, seen: Option<&SecretSnapshot>, stores: &Stores) -> Decision {
    let spec = &known.object.spec;
    let is_valid = match spec.target.creation_policy {
        // Nothing is written, so nothing can be wrong.
        CreationPolicy::None => true,
        _ => seen.is_some_and(|seen| is_valid(seen, known.fingerprint.as_deref())),
    };
    // Deleted, kept away or waited for, by policy: that is as it must be too, as long as the object is
    // the one that this was said of.
    let is_said = known.synced.as_deref() == Some(&known.current);
    let ready = crds::external_secret::condition(&known.status.conditions, "Ready");
    let is_absent = seen.is_none()
        && ready.is_some_and(|ready| {
            ready.status == "True"
                && (matches!(ready.reason.as_deref(), Some("SecretDeleted" | "SecretMissing"))
                    || ready.message.as_deref() == Some(RETAINED))
        });
    let is_so = is_said && (is_absent || known.is_left(seen));
    let state = schedule::State {
        spec,
        refreshed: known.refreshed,
        is_own: known.is_own,
        synced: known.synced.as_deref(),
        current: &known.current,
        is_valid: is_valid || is_so,
    };
    let offset = stores.keys().next().map_or(0, |key| {
        key.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
    });
    schedule::decide(state, offset, Timestamp::now())
}

/// Pairs of policies that the CRD refuses, where another CRD does not.
fn check_policies(object: &ExternalSecret) -> Result<(), Failure> {
    let target = &object.spec.target;
    match (target.deletion_policy, target.creation_policy) {
        (DeletionPolicy::Delete, CreationPolicy::Owner | CreationPolicy::Orphan)
        | (DeletionPolicy::Retain | DeletionPolicy::Merge, _) => Ok(()),
        (DeletionPolicy::Delete, _) => Err(Failure::new(
            Reason::Malformed,
            "deletionPolicy Delete goes with creationPolicy Owner or Orphan: use another of the two",
        )),
    }
}

/// The message of a Secret that is left as it is, since AWS has no value.
const RETAINED: &str = "secret retained due to DeletionPolicy=Retain";

/// Whether a Secret is as it was written.
pub fn is_valid(seen: &SecretSnapshot, fingerprint: Option<&str>) -> bool {
    match seen.data_hash_matches {
        _ if !seen.has_external_secrets_label => false,
        Some(holds) => holds,
        None => fingerprint.is_some_and(|fingerprint| fingerprint == seen.content.to_string()),
    }
}
