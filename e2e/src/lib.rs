//! The code that the tests on a real API server share with `cargo xtask`.
//!
//! - [`controlplane`] builds, starts and stops a Kubernetes control plane on this machine;
//! - [`cluster`] is a control plane with our custom resources and the controller's rights;
//! - [`controller`] runs the controller there, under its own identity;
//! - [`moto`] runs moto, an AWS emulator; `aws` puts a proxy in front of it that injects faults; [`events`] are the
//!   messages that AWS sends;
//! - `tls` is a small AWS over TLS with an unknown certificate authority; [`tls_proxy`] puts TLS in front
//!   of moto, for Pods;
//! - [`helm`] installs charts, [`load`] sends requests during a change;
//! - [`programs`] finds programs and images, [`cache`] keeps built tools.

#[cfg(feature = "aws")]
pub mod aws;
pub mod cache;
pub mod cluster;
pub mod controller;
pub mod controlplane;
pub mod events;
pub mod helm;
pub mod load;
pub mod moto;
pub mod programs;
#[cfg(feature = "tls")]
pub mod tls;
pub mod tls_proxy;
