//! What the tests on a real API server, and the commands that show it to a person, share.
//!
//! - [`controlplane`] builds, starts and ends a Kubernetes control plane on this machine;
//! - [`cluster`] is one with our custom resources and the controller's rights in it;
//! - [`controller`] runs the controller there, under its own identity;
//! - [`aws`] is an AWS on this machine;
//! - [`helm`] installs charts there, [`load`] asks for something while it does;
//! - [`programs`] finds programs and images, [`cache`] keeps built tools.

pub mod aws;
pub mod cache;
pub mod cluster;
pub mod controller;
pub mod controlplane;
pub mod helm;
pub mod load;
pub mod programs;
