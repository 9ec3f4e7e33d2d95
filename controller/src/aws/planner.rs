//! Turns the reads of many objects into few requests, for one identity.
//!
//! ```text
//!  read ─▶ pending ── batch window ──▶ batches ─▶ batch (pure): what to do with each response
//!                                  └─▶ individual reads
//!  permission: may the identity read batches?    exclusions: requests that do not belong in batches
//!  throttle: when may the next request go out?
//! ```
//!
//! Requests of the same moment are collected. Equal ones are read once, others in batches where
//! possible. Many roles only allow `GetSecretValue`, so a first batch probes whether the identity
//! may read batches, and a single request is always read individually. A value that a batch does
//! not return is read individually, and only that result is final: AWS denies batches some values that an
//! individual read returns, such as secrets of other accounts, or those under a policy that
//! requires a stage.
//!
//! When AWS throttles a request, all requests of the identity wait, with exponential back-off. They
//! would be throttled too, and cause more throttling for others.
//!
//! Failures: a batch fails as a whole. Then its requests are read individually, except after
//! throttling, which individual reads would make worse. A slow batch does not delay the next one,
//! up to a limit. Permissions change, so a denial of batches and all exclusions are forgotten after
//! a day. A response only goes to those who asked before it was read.

mod batch;
mod dispatch;
mod exclusions;
mod permission;
mod source;
#[cfg(test)]
mod tests;
mod throttle;

pub(crate) use dispatch::Planner;
pub(crate) use permission::{BATCH_RECHECK_INTERVAL, BatchPermission};
pub(crate) use source::{BatchResponses, ReadSource};
