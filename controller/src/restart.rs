//! Restart on change: workloads that ask for it are rolled when what they use of a Secret changed.
//!
//! ```text
//!  Deployments, StatefulSets, DaemonSets, Rollouts ─▶ workload: reduced on receipt ┐
//!  SealedSecrets with restart-targets ──────────────▶ sources                      ├─▶ index
//!  Canaries of Flagger ─────────────────────────────▶ whose workloads are left     ┘     │
//!  Secret watch ─▶ target::index: one MAC an item, the data is dropped ──────┐           ▼
//!                                                                            │    queue by workload
//!  pass:  observe (MACs of what is used now) ◀───────────────────────────────┘           │
//!         ─▶ plan (pure: no client, no clock) ─▶ nothing | wait | record | restart ◀─────┘
//!         ─▶ apply: one merge patch under uid and resourceVersion ─▶ Event, metric
//! ```
//!
//! `index` owns what is known, `plan` decides, `apply` is the only writer of workloads. It works on
//! levels, not on edges: a pass compares what is there now with the *baseline*, what the Pods were
//! last known to have. So a resync, a second look or a restart of the controller finds them equal
//! and does nothing; what was missed is found later; and what changed back in time is no change.
//!
//! The baseline is in the workload's own annotation [`STATE`], which starts no rollout, so that a
//! workload is adopted as it is. A restart is one patch that holds the new baseline and what rolls
//! the Pods: the annotation [`TEMPLATE`] of the Pod template, or `spec.restartAt` of a Rollout. A
//! copy of the baseline in memory goes before the annotation, which others put back at times
//! (`kubectl rollout undo` restores a Deployment's annotations with its template).
//!
//! What can go wrong:
//! - An answer is lost after the commit, or another controller did it: the annotation tells at the
//!   next look. Others edit at the same moment: the patch is refused, and it is planned anew.
//! - The MAC key is lost: no MAC of before can be compared, so all baselines are taken anew and
//!   nothing is restarted.
//! - What a template uses and the Secret both change while no controller runs: the rollout that the
//!   template's change caused counts, and the baseline is taken from what is there.
//! - Rights are missing, or Argo Rollouts and Flagger are not installed: said once, and looked for
//!   again each minute.
//!
//! A workload is never restarted for a Secret that is not there, or that lacks an item without
//! which its Pods could not start: that would end Pods that work.

pub mod annotations;
pub mod apply;
pub mod controller;
pub mod events;
pub mod index;
pub mod plan;
pub mod references;
pub mod state;
pub mod watches;
pub mod workload;

pub use controller::{RestartController, Settings};

/// On a workload: whose changes restart it. Names of Secrets, or `*` for those it uses.
pub const RESTART_ON: &str = "mtk.mytomorrows.com/restart-on";
/// On what makes a Secret: the workloads that its changes restart, as `Kind/name`.
pub const RESTART_TARGETS: &str = "mtk.mytomorrows.com/restart-targets";
/// On a workload, by us: what its Pods were last known to have.
pub const STATE: &str = "mtk.mytomorrows.com/restart-state";
/// On a Pod template, by us: a MAC of what it uses. Its change is what restarts the Pods.
pub const TEMPLATE: &str = "mtk.mytomorrows.com/secrets";
