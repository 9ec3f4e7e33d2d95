//! `mtk-seal`: seals values. Builds the whole result in memory before it writes anything.

use std::{collections::BTreeMap, path::PathBuf};

use sealing::{Certificate, SealError};
use serde::Serialize;
use sources::{ReadOptions, SecretBytes};

use crate::{
    certificate,
    error::{Explain, Failure},
    exit::Exit,
    input::Input,
    output::{self, Audience, Destination, Format},
    project,
    report::Report,
    target::{self, Target, TargetOptions},
};

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) reading: ReadOptions,
    pub(crate) target: TargetOptions,
    pub(crate) sealed_labels: BTreeMap<String, String>,
    pub(crate) sealed_annotations: BTreeMap<String, String>,
    pub(crate) format: Format,
    pub(crate) to: Destination,
    pub(crate) certificate: certificate::Options,
    pub(crate) project: project::Choice,
}

/// Reads, seals and writes.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    let inputs = Input::read_all(&options.files, "values", report)?;
    let texts = inputs.iter().map(Input::source).collect::<Result<Vec<_>, _>>()?;
    let parsed = sources::read(&texts, &options.reading)?;
    drop(inputs);
    for warning in &parsed.warnings {
        report.warning(&warning.to_string());
    }
    for skipped in &parsed.skipped {
        report.note(&format!("skipped {skipped}"));
    }
    let targets = target::resolve_all(parsed.secrets, &options.target, project.as_ref())?;

    // Fetching the certificate may be slow, so report all other errors first.
    let expected = project.map(|project| project.certificate).unwrap_or_default();
    let got = certificate::get(&options.certificate, expected)?;
    let manifests = targets
        .iter()
        .map(|target| seal(target, &got.certificate, options))
        .collect::<Result<Vec<_>, _>>()?;
    let text = output::render(&manifests, options.format)?;
    report.note(&got.describe());
    Ok(output::write(&options.to, text.as_bytes(), Audience::Everyone, report)?)
}

/// The manifest of a SealedSecret: keys sorted, empty fields left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SealedSecretManifest<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    encrypted_data: BTreeMap<&'a str, String>,
    template: Template<'a>,
}

#[derive(Serialize)]
struct Template<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    immutable: Option<bool>,
    metadata: Metadata<'a>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    type_: Option<&'a str>,
}

fn seal<'a>(
    target: &'a Target,
    certificate: &Certificate,
    options: &'a Options,
) -> Result<SealedSecretManifest<'a>, SealingError> {
    let label = target.label();
    let seal_item = |(key, value): (&'a String, &SecretBytes)| {
        certificate
            .seal(&label, value.expose())
            .map(|item| (key.as_str(), item))
            .map_err(|source| SealingError { key: key.clone(), source })
    };
    Ok(SealedSecretManifest {
        api_version: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        metadata: metadata(target, &options.sealed_annotations, &options.sealed_labels),
        spec: Spec {
            encrypted_data: target.data.iter().map(seal_item).collect::<Result<_, _>>()?,
            template: Template {
                immutable: target.immutable,
                metadata: metadata(target, &target.annotations, &target.labels),
                type_: target.type_.as_deref(),
            },
        },
    })
}

/// Metadata with the scope's annotation. In the SealedSecret it tells the controller how to decrypt
/// the items. In the template it matches what kubeseal writes.
fn metadata<'a>(
    target: &'a Target,
    annotations: &'a BTreeMap<String, String>,
    labels: &'a BTreeMap<String, String>,
) -> Metadata<'a> {
    let mut annotations = borrowed(annotations);
    annotations.extend(target.scope.annotation().map(|key| (key, "true")));
    Metadata {
        annotations,
        labels: borrowed(labels),
        name: &target.name,
        namespace: target.namespace.as_deref(),
    }
}

fn borrowed(map: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// A value cannot be sealed.
#[derive(Debug, thiserror::Error)]
#[error("cannot seal `{key}`: {source}")]
struct SealingError {
    key: String,
    source: SealError,
}

impl Explain for SealingError {
    fn exit(&self) -> Exit {
        Exit::Failure
    }
}
