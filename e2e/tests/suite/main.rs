//! The controller and the command line program on a real API server.
//!
//! Most tests share one control plane and one controller, each in namespaces of its own. Those that
//! start, kill or configure a controller, or change the sealing keys, take turns on a second one
//! (`support::private`). Tests mostly wait: `cargo test -p e2e --test suite -- --test-threads=8`
//! takes a third of the time of the default.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

mod charts;
mod cli;
mod describe;
mod drift;
mod external;
mod faults;
mod golden;
mod keys;
mod lifecycle;
mod namespaced;
mod ownership;
mod peers_crd;
mod pods;
mod proxy;
mod restart;
mod rights;
mod support;
mod taint;
mod take_over;
mod templates;
mod workloads;
