//! Shared code of the chart tests. They check the objects that Helm renders, without a cluster.
//!
//! - [`chart`] finds the charts and their test cases;
//! - [`helm`] renders and lints charts with Helm 3 or 4;
//! - [`objects`] finds things in rendered objects;
//! - [`kubeconform`] validates objects with the [`schemas`] of Kubernetes and of custom resources;
//! - [`checkov`] scans for insecure settings;
//! - [`tools`] finds the programs, and [`parallel`] uses all cores.

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
