//! Go's text/template: templates render to the same bytes as in Go, within limits.
//!
//! | module | content |
//! |---|---|
//! | `syntax` | lexer, parser, tree |
//! | `evaluate` | from a tree and a value to bytes |
//! | `value`, `text` | values that templates compute with |
//! | [`fmt`], [`rune`], [`unicode`] | Go's formatting, characters and numbers |
//! | `function`, `builtin` | functions, and those that Go itself has |
//! | `dialect`, `signature` | which functions a template may call, and how documentation lists them |
//! | `inspect` | which keys and functions a template mentions |
//! | `limits`, `context`, `error` | limits of a rendering, the functions' view of it, its failures |
//!
//! The crate does no I/O and reads no clock. Strings are wiped when they are dropped. An error
//! contains a position and a kind, never a value.

// Numbers are converted and compared as in Go. These lints warn about that.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp
)]

mod builtin;
mod context;
mod dialect;
mod error;
mod evaluate;
pub mod fmt;
mod function;
mod inspect;
mod limits;
pub mod rune;
mod signature;
mod syntax;
mod template;
mod text;
pub mod unicode;
mod value;

pub use crate::{
    builtin::BUILTIN_FUNCTIONS,
    context::{Context, Environment},
    dialect::Dialect,
    error::{Failure, ParseError, ParseErrorKind, RenderError, RenderErrorKind},
    function::{Arguments, Function, ObjectType, Parameter, Run},
    inspect::{Inspection, Mention},
    limits::{Limit, Limits, MILLISECOND, Meter, SharedMemory},
    signature::Signature,
    syntax::{parse_float, parse_integer},
    template::{Rendered, Template},
    text::{Buffer, Text},
    value::{Element, Field, Kind, List, Map, MapKind, Member, Object, Value},
};
