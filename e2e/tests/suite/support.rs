//! What the tests share: the two clusters, and few words to say what is done and expected there.

mod api;
mod clusters;
mod objects;
mod wait;

pub(crate) use api::{Api, Kind};
pub(crate) use clusters::{Private, key_pair, key_secret, private, shared};
pub(crate) use objects::{
    Key, condition, data, foreign, ready_reason, sealed, sealed_with, text, vector_key,
    without_what_was_not_recorded,
};
pub(crate) use wait::{eventually, pause, skip};
