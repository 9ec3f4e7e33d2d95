//! What the tests on a real API server, and the commands that show it to a person, share.
//!
//! - [`controlplane`] builds, starts and ends a Kubernetes control plane on this machine;
//! - [`cache`] is where built tools are kept.

pub mod cache;
pub mod controlplane;
