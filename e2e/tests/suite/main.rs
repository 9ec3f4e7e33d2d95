//! The controller and the command line program on a real API server.
//!
//! Most tests share one control plane and one controller, and each has its own namespaces. Tests that
//! start, kill or configure a controller, or change the sealing keys, take turns on a second control
//! plane (`support::private`). Tests mostly wait for the cluster, so
//! `cargo test -p e2e --test suite -- --test-threads=8` takes a third of the default's time.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic like tests")]

mod bitnami_specs;
mod charts;
mod cli;
mod describe;
mod drift;
mod endpoints;
mod external;
mod faults;
mod flux;
mod golden;
mod health;
mod keys;
mod leader;
mod lifecycle;
mod metrics;
mod migrate;
mod namespaced;
mod owner_permissions;
mod ownership;
mod pods;
mod proxy;
mod renewal;
mod restart;
mod rights;
mod selectors;
mod support;
mod taint;
mod take_over;
mod templates;
mod upstream_crd;
mod values_files;
mod workloads;
