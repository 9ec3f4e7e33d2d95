//! ExternalSecrets, on a real API server against a local AWS.

mod absent;
mod batches;
mod denied;
mod events;
mod faults;
mod golden;
mod identity;
mod manifests;
mod policies;
mod rows;
mod service_accounts;
pub(crate) mod settings;
pub(crate) mod support;
mod sweeps;
mod taint;
mod take_over;
mod tls;
pub(crate) mod upstream_crd;
