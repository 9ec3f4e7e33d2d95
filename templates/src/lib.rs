//! The templates of SealedSecrets and ExternalSecrets: all of one object, with the limits of one object.
//!
//! | module | content |
//! |---|---|
//! | [`dialect`] | which functions the templates of each kind may call |
//! | [`sealed_secret`] | the data of the Secret of a SealedSecret |
//! | [`external_secret`] | the data, labels and annotations of the Secret of an ExternalSecret |
//! | [`rewrite`] | the keys that `dataFrom[].rewrite` of an ExternalSecret changes |
//! | [`tool_metadata`] | labels and annotations that no Secret gets |
//!
//! The crates `gotemplate` and `sprig` hold the language and its functions. Errors contain no value.

pub mod dialect;
pub mod external_secret;
pub mod rewrite;
pub mod sealed_secret;
pub mod tool_metadata;

pub use gotemplate::{
    Dialect, Environment, Inspection, Limit, Limits, Mention, ParseError, ParseErrorKind,
    RenderError, RenderErrorKind, Rendered, SharedMemory, Signature, Template, Text, Value,
};
