//! Secrets on the wire, with data that is wiped and never printed.
//!
//! [`create`] is the only request here that writes. `target` and `keys` are its only callers.

mod body;
mod create;
mod names;
mod object;

pub(crate) use body::SecretBody;
pub(crate) use create::create;
pub(crate) use names::{FINGERPRINT_KEY_SECRET, KEY_LABEL};
pub(crate) use object::{SecretObject, SecretValue, controller_of};
