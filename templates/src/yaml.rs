//! YAML as `sigs.k8s.io/yaml` has it: the language of go-yaml 2 (YAML 1.1 with a taste of 1.2), through
//! JSON on both ways.
//!
//! The text is read by a parser of YAML; what its scalars mean, and how a document is written, is
//! decided here.

mod decode;
mod emit;
mod encode;
mod order;
mod scalar;
mod style;

pub(crate) use self::{
    decode::{decode, decode_strings},
    encode::encode,
};
