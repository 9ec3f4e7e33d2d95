//! The controller and the app in real Pods on a real node, installed by their charts.
//!
//! One node for all tests, one namespace for each. They need root and the requirements that
//! `e2e::controlplane::node` checks. If one is missing, the tests are skipped, or fail with
//! `MTK_REQUIRE_NODE`.

mod app;
mod aws;
mod charts;
mod delivery;
mod docs;
mod hardening;
mod migration;
mod restarts;
mod stage;
