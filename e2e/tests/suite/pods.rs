//! The controller and the app in real Pods on a real node, installed by their charts.
//!
//! One node for all tests, one namespace for each. They need root and what
//! `e2e::controlplane` says is missing otherwise; then they are skipped, unless `MTK_REQUIRE_NODE`
//! is set.

mod app;
mod aws;
mod charts;
mod delivery;
mod docs;
mod hardening;
mod migration;
mod restarts;
mod stage;
