//! The controller: turns SealedSecrets and values of AWS into Secrets and keeps them in sync.
//!
//! | module | what |
//! |---|---|
//! | `config`, `run`, `telemetry` | flags, the wiring of everything, logs |
//! | `sealed` | SealedSecret → Secret: observe, plan, apply, status |
//! | `external` | ExternalSecret → Secret: schedule, fetch, assemble, render, status; stores |
//! | `aws` | as whom AWS is asked, and how seldom |
//! | `target` | the only writer of Secrets: ownership, plan, apply, fingerprint |
//! | `restart` | workloads that use a changed Secret: restarted where they ask for it |
//! | `keys` | sealing keys: load, create, follow |
//! | `http` | one route a file: certificate, health, metrics |
//! | `queue`, `watch`, `watched`, `namespaces` | what is looked at, where, and when |
//! | `reason`, `api`, `events`, `metrics` | what is said, always in the same words |
//!
//! Every reconciler is *observe → plan → apply*: plans are pure functions of what was observed,
//! without client and clock, and `target::apply` and the status writers are the only effects.

#![allow(missing_docs)]

pub mod aws;
pub mod config;
pub mod context;
pub mod external;
pub mod http;
pub mod key;
pub mod keys;
pub mod metrics;
pub mod reason;
pub mod restart;
pub mod run;
pub mod runtime;
pub mod sealed;
pub mod target;
pub mod telemetry;
