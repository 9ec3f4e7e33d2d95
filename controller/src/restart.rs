//! Restarts workloads that ask for it when Secrets that they use change.
//!
//! ```text
//!  Deployments, StatefulSets, DaemonSets, Rollouts ─▶ workload: reduced on receipt ┐
//!  SealedSecrets with restart-targets ──────────────▶ source                       ├─▶ index
//!  Canaries of Flagger ─────────────────────────────▶ their workloads are skipped  ┘     │
//!  Secret watch ─▶ target::index: one MAC for each item ─────────────────────┐           ▼
//!                                                                            │    queue by workload
//!  reconcile:  observe (MACs of what the Pods use now) ◀─────────────────────┘           │
//!         ─▶ plan (pure: no client, no clock) ─▶ nothing | wait | record | restart ◀─────┘
//!         ─▶ apply: one merge patch under uid and resourceVersion ─▶ Event, metric
//! ```
//!
//! `index` holds the workloads, `plan` decides, `apply` is the only writer of workloads. The
//! controller is level-triggered: a reconcile compares the Secrets as they are now with the
//! *baseline*, the Secrets that the Pods last had. A resync, a second reconcile or a restart of the
//! controller finds them equal and does nothing. The next reconcile finds a missed change. A change
//! that was reverted before it has no effect.
//!
//! The baseline is in an annotation of the workload, [`annotations::RESTART_STATE`], which starts no
//! rollout. So the controller adopts a workload without restarting it. A restart is one patch with
//! the new baseline and the change that rolls the Pods: the annotation
//! [`annotations::TEMPLATE_SECRETS`] of the Pod template, or `spec.restartAt` of a Rollout. A copy of
//! the baseline in memory takes precedence over the annotation, because others put that back at times
//! (`kubectl rollout undo` restores a Deployment's annotations with its template).
//!
//! Faults that it handles:
//! - An answer is lost after the commit, or another instance made the write: the next reconcile sees
//!   the annotation. If others edit at the same moment, the API server refuses the patch and the
//!   controller plans again.
//! - The MAC key is lost: old MACs cannot be compared, so the controller records all baselines again
//!   and restarts nothing.
//! - Template and Secret both change while no controller runs: the change of the template caused a
//!   rollout, and the controller records the Secrets as they are.
//! - RBAC forbids a kind, or Argo Rollouts or Flagger are not installed: logged once, and tried again
//!   every minute.
//!
//! The controller never restarts a workload for a Secret that does not exist, or that lacks an item
//! without which its Pods could not start. That would end Pods that work.

pub(crate) mod annotations;
pub(crate) mod apply;
pub(crate) mod baseline;
pub(crate) mod controller;
pub(crate) mod entry;
pub(crate) mod events;
pub(crate) mod index;
pub(crate) mod kind;
pub(crate) mod metrics;
pub(crate) mod plan;
pub(crate) mod references;
pub(crate) mod source;
pub(crate) mod watches;
pub(crate) mod workload;

pub(crate) use controller::{RestartController, Settings};
pub(crate) use metrics::RestartMetrics;
