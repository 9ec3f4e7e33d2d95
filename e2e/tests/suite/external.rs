//! ExternalSecrets, on a real API server against a local AWS.

mod batches;
mod faults;
mod golden;
mod identity;
mod policies;
mod support;
mod take_over;
