//! Requests to the API server of the cluster in the kubeconfig.
//!
//! Only this module starts an async runtime, so that commands without a cluster start fast.

mod access;
mod api;
mod error;
mod overrides;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use self::{
    access::{Access, default_namespace},
    api::{Api, Controller, block_on, message},
    error::ClusterError,
    overrides::Overrides,
};
