//! The controller: turns SealedSecrets and values of AWS into Secrets and keeps them in sync.
//!
//! A module imports only from the lines above its own.
//!
//! | module | purpose |
//! |---|---|
//! | `key`, `reason`, `telemetry` | names of objects, reasons of failures, logs |
//! | `runtime` | the machinery of every controller: queue, workers, indexes, watches, statuses, Events |
//! | `target` | the only writer of Secrets, and their one watch |
//! | `aws` | AWS authentication, and reads in batches |
//! | `keys` | sealing keys: load, create, watch |
//! | `context` | state and settings that all controllers share |
//! | `sealed` | SealedSecret → Secret |
//! | `external` | ExternalSecret → Secret; stores |
//! | `restart` | restarts workloads whose Secrets changed |
//! | `http` | one route per file: certificate, health, metrics |
//! | `config`, `run` | flags, and the wiring of everything |
//!
//! Every controller is *observe → plan → apply*. A plan is a pure function of what was observed,
//! without client and clock.

#![allow(missing_docs, reason = "only the binary and its tests use this library")]

pub mod aws;
pub mod config;
pub mod context;
pub mod external;
pub mod http;
pub mod key;
pub mod keys;
pub mod reason;
pub mod restart;
pub mod run;
pub mod runtime;
pub mod sealed;
pub mod target;
pub mod telemetry;
