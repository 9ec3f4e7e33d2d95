//! Events of AWS, by way of SQS: `EventBridge` puts a message into a queue when a value changes.
//!
//! ```text
//!  EventBridge rule ─▶ SQS ─▶ queue: long polls ─▶ message: parses (pure) ─▶ subscriber: a hint
//! ```
//!
//! A message is a hint to look again, never data. A writer of the queue can cause reads at a bounded rate,
//! and nothing else. A lost message costs time only: the values are read at their interval anyway.

mod message;
pub(crate) mod metrics;
mod queue;
mod source;

pub(crate) use self::{
    message::{Hint, without_suffix},
    queue::Poller,
    source::{EventQueue, EventSubscriber},
};
