//! Reads secret values from text: dotenv, Terraform variables, JSON, YAML and Kubernetes manifests.
//!
//! Text goes in, values come out. The crate opens no file, starts no process and reads no
//! environment, so it also compiles to `wasm32-unknown-unknown`.
//!
//! | module | reads |
//! |---|---|
//! | `read` | all inputs of one run, and combines them |
//! | `detect` | the syntax of an input from its file name or content |
//! | `dotenv`, `tfvars` | these syntaxes directly into values |
//! | `json`, `yaml` | text into a tree of [`Node`]s |
//! | `flat` | values from a tree: one object of keys and strings |
//! | `manifest` | Secrets from a tree: Kubernetes manifests |
//!
//! No error contains a value. Errors name keys, lines and files only.

mod detect;
mod dotenv;
mod entry;
mod error;
mod flat;
mod json;
mod key;
mod kind;
mod located;
mod manifest;
mod node;
mod read;
mod secret;
mod secret_bytes;
mod tfvars;
mod yaml;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::{
    dotenv::{DotenvProblem, Quote},
    entry::Entry,
    error::{Problem, SourceError},
    flat::{FlatProblem, ValueType},
    json::JsonProblem,
    key::is_secret_key,
    kind::SourceKind,
    located::Located,
    manifest::{FieldType, ManifestProblem},
    node::{Key, Node, Value, is_string},
    read::{
        Input, Parsed, ReadOptions, Warning, check_keys, documents, dotenv_entries, read,
        secret_from_json, secrets,
    },
    secret::{MAX_SECRET_BYTES, Secret},
    secret_bytes::SecretBytes,
    tfvars::TfvarsProblem,
    yaml::{YamlProblem, parse as parse_yaml},
};
