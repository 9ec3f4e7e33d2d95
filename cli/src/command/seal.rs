//! `mtk-seal`: seals values. Everything is made in memory before a byte is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sealing::{Certificate, SealError};
use serde::Serialize;

use crate::certificate;
use crate::error::{Explain, Failure};
use crate::exit::Exit;
use crate::output::{self, Audience, Destination, Format};
use crate::project;
use crate::report::Report;
use crate::source::input::Input;
use crate::source::{self, Reading};
use crate::target::{self, Target, Wanted};

/// What was asked for.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) reading: Reading,
    pub(crate) wanted: Wanted,
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
    let read = source::read(&inputs, &options.reading)?;
    drop(inputs);
    for skipped in &read.skipped {
        report.note(&format!("left out {skipped}"));
    }
    let targets = target::resolve_all(read.secrets, &options.wanted, project.as_ref())?;

    // Last of what can fail: it may take a while.
    let got = certificate::get(&options.certificate, project.as_ref())?;
    let documents = targets
        .iter()
        .map(|target| document(target, &got.certificate, options))
        .collect::<Result<Vec<_>, _>>()?;
    let text = output::render(&documents, options.format)?;
    report.note(&got.describe());
    Ok(output::write(&options.to, text.as_bytes(), Audience::Everyone)?)
}

/// A SealedSecret as it is written: sorted, and without what is empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
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

fn document<'a>(
    target: &'a Target,
    certificate: &Certificate,
    options: &'a Options,
) -> Result<Document<'a>, SealingError> {
    let label = target.label();
    let seal = |(key, value): (&'a String, &sealing::Plaintext)| {
        certificate
            .seal(&label, value.expose())
            .map(|item| (key.as_str(), item))
            .map_err(|source| SealingError { key: key.clone(), source })
    };
    Ok(Document {
        api_version: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        metadata: metadata(target, &options.sealed_annotations, &options.sealed_labels),
        spec: Spec {
            encrypted_data: target.data.iter().map(seal).collect::<Result<_, _>>()?,
            template: Template {
                immutable: target.immutable,
                metadata: metadata(target, &target.annotations, &target.labels),
                type_: target.type_.as_deref(),
            },
        },
    })
}

/// Metadata with the scope's annotation: the SealedSecret's says how to open the items, and the
/// template's is there because the peer writes it.
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

/// A value could not be sealed.
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
