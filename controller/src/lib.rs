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
//! | `http` | endpoints: certificate, health, metrics |
//! | `config`, `run` | flags, and the wiring of everything |
//!
//! Every controller is *observe → plan → apply*. A plan is a pure function of the observed state.
//! It has no client and no clock.

mod aws;
pub mod config;
mod context;
mod external;
mod http;
mod key;
mod keys;
mod reason;
mod restart;
pub mod run;
mod runtime;
mod sealed;
mod target;
pub mod telemetry;
#[cfg(test)]
mod tests;
