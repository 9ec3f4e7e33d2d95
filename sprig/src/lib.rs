//! The functions that Sprig and External Secrets add to Go's templates, for the crate `gotemplate`.
//!
//! | module | content |
//! |---|---|
//! | `functions` | the functions, and the dialects with them |
//! | [`json`], [`yaml`], `url`, `time`, `semver`, [`regex`], `radix`, `jwk` | the parts of Go's libraries that functions need |
//! | `certificate` | the type of the results of `genCA` and similar functions |
//!
//! No function does I/O or reads a clock. Sprig's `env`, `expandenv` and `getHostByName` do not exist
//! here. An error contains no value.

// Numbers are converted and compared as in Go. These lints warn about that.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp
)]

mod certificate;
mod functions;
pub mod json;
mod jwk;
mod metered;
mod radix;
pub mod regex;
mod semver;
mod time;
mod url;
pub mod yaml;

#[cfg(test)]
mod testing;

pub use crate::{
    functions::{dialect, external_secrets_dialect, group},
    radix::decode_base64,
};
