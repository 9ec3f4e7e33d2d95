//! The kinds of sources.

/// The kind of an input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceKind {
    /// `KEY=value` lines.
    Dotenv,
    /// A map in Terraform variables.
    Tfvars,
    /// One flat JSON object.
    Json,
    /// One flat YAML mapping.
    Yaml,
    /// Secret manifests, in YAML or JSON.
    Manifest,
}
