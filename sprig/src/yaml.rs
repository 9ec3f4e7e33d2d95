//! YAML as `sigs.k8s.io/yaml` reads and writes it: the language of go-yaml 2 (YAML 1.1 with parts of
//! 1.2), through JSON in both directions.
//!
//! `granit-parser` parses the text. This module resolves scalars and writes documents.

mod decode;
mod emit;
mod encode;
mod order;
mod scalar;
mod style;

pub use self::{
    decode::{decode, decode_strings},
    encode::encode,
};
