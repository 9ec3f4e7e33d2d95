//! The controller restarts a workload once when data changed that it uses from a Secret. A new `ReplicaSet`
//! is a rollout.

mod changes;
mod controller;
mod other_tools;
mod support;

pub(crate) use support::{STATE, alone, restarts_catch_up};
