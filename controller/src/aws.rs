//! Reads values from AWS, with as few requests as possible.
//!
//! ```text
//!  store + namespace ─▶ identity ─▶ pool: one reader each ─▶ planner: deduplicates, batches ─▶ service
//!                                        │                         └─ sweep: lists of versions ─────┘
//!                                        └─ credentials: cached, renewed early, fetched by one task
//!                                             └─ credential_source ─▶ Pod, Secrets, STS
//!  events: long polls of SQS ─▶ hints that a value may have changed
//!  shared by service, events and credential_source: caller (attempts, counted, within rates), trust (certificate authorities)
//! ```
//!
//! An identity contains everything that decides what AWS answers. No identity ever gets what another
//! one read (S3 in `docs/design/safety.md`), so each has its own reader, which owns the cache, the
//! batches and the known permissions.
//!
//! Each failed request gets its own error, with one of our reasons and the failed action, and never
//! text from AWS. Credentials stay in use until they expire when renewing them fails.

mod caller;
mod credential_source;
pub(crate) mod credentials;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod identity;
pub(crate) mod metrics;
pub(crate) mod planner;
#[cfg(test)]
mod policy_tests;
pub(crate) mod pool;
pub(crate) mod rates;
pub(crate) mod read;
pub(crate) mod service;
pub(crate) mod sweep;
pub(crate) mod trust;

pub(crate) use error::ReadError;
pub(crate) use identity::{Identity, StoreSpec};
pub(crate) use pool::Pool;
pub(crate) use read::{Filter, ReadRequest, ReadResponse, ReadVersion, Value, Version};
pub(crate) use sweep::{Need, VersionChecks, VersionList};
