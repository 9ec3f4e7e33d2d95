//! Secrets on the wire, with data that is wiped and never printed.
//!
//! [`create`] is the only request here that writes. `target` and `keys` are its only callers.

mod body;
mod create;
mod names;
mod object;

pub use body::SecretBody;
pub use create::create;
pub use names::{FINGERPRINT_KEY_SECRET, KEY_LABEL};
pub use object::{SecretObject, SecretValue, controller_of};
