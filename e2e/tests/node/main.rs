//! The node: Pods run on it, this machine reaches them, and it leaves nothing behind.
//!
//! The tests are skipped where a node cannot run. With `MTK_REQUIRE_NODE=1` they fail instead.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod pods;
mod support;
mod traces;
