//! What the tests of the charts share. They need no cluster: they look at what Helm renders.
//!
//! - [`chart`] finds the charts, and the values files that each one is tested with;
//! - [`helm`] renders and lints with the real Helm, version 3 or 4;
//! - [`objects`] finds things in what was rendered;
//! - [`kubeconform`] compares objects with [`schemas`] of Kubernetes and of custom resources;
//! - [`checkov`] looks for what is known to be unsafe;
//! - [`tools`] says where the programs are, [`parallel`] uses every core.

pub mod chart;
pub mod checkov;
pub mod helm;
pub mod kubeconform;
pub mod objects;
pub mod parallel;
pub mod schemas;
pub mod tools;

pub use crate::chart::Chart;
pub use crate::helm::{Helm, Render};
