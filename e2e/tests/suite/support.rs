//! Shared parts of the tests: two clusters, clients, objects and ways to wait.

mod api;
mod catch_up;
mod clusters;
mod http;
mod objects;
mod wait;

pub(crate) use api::{Api, Kind};
pub(crate) use catch_up::{catch_up, catch_up_in, collect_garbage, resyncs};
pub(crate) use clusters::{Private, key_pair, key_secret, private, shared};
pub(crate) use http::{Response, exchange, post, send};
pub(crate) use objects::{
    Key, condition, data, foreign, ready_reason, sealed, sealed_with, text, vector_key,
    without_unrecorded_fields,
};
pub(crate) use wait::{eventually, skip};
