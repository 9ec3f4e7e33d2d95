//! The node: Pods run on it, this machine reaches them, and it leaves nothing behind.
//!
//! Skipped where a node cannot run, unless `MTK_REQUIRE_NODE=1` makes that a failure.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod pods;
mod support;
mod traces;
