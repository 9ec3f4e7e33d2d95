//! Go's text/template with Sprig, rendered as Go does: pure, bounded and mute.
//!
//! | module | what |
//! |---|---|
//! | `syntax` | lexer, parser, tree |
//! | `evaluate` | a tree and a value to bytes |
//! | `value`, `text`, `rune` | what templates compute with |
//! | `fmt` | Go's `%v` and all other verbs |
//! | `functions` | what templates may call, by dialect |
//! | `sealed_secret`, `external_secret` | all templates of one object |
//! | `rewrite` | what an ExternalSecret makes of keys |
//! | `jwk`, `yaml` | what some of them read and make |
//! | `inspect` | what a template mentions |
//! | `catalogue` | what documentation says of them |
//! | `limits`, `context`, `error` | what a rendering may use, see and say |
//!
//! Nothing here does I/O or reads a clock. Strings are wiped when dropped. An error says where and
//! what kind, never a value: its words are ours, its names stand in the template.

// Numbers are converted and compared as Go does it, which is what these lints warn of.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp
)]

mod catalogue;
mod context;
mod dialect;
mod error;
mod evaluate;
pub mod external_secret;
mod fmt;
mod functions;
mod inspect;
mod json;
mod jwk;
mod limits;
mod objects;
mod radix;
mod regex;
pub mod rewrite;
mod rune;
pub mod sealed_secret;
mod semver;
mod syntax;
mod template;
mod text;
mod time;
mod unicode;
mod url;
mod value;
mod yaml;

#[cfg(test)]
mod testing;

pub use crate::{
    catalogue::Signature,
    context::Environment,
    dialect::Dialect,
    error::{ParseError, ParseErrorKind, RenderError, RenderErrorKind},
    inspect::{Inspection, Mention},
    limits::{Limit, Limits},
    template::{Rendered, Template},
    text::Text,
    value::Value,
};
