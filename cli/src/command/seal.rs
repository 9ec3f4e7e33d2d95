//! `mtk-seal`: seals values. Builds the whole result in memory before it writes anything.

mod environments;
mod resealing;

use std::{collections::BTreeMap, path::PathBuf};

use sealing::SealError;
use serde::Serialize;
use sources::ReadOptions;

use self::{
    environments::Common,
    resealing::{Object, Resealing},
};

use crate::{
    certificate,
    error::{Explain, Failure},
    exit::Exit,
    input::Input,
    output::{self, Audience, Destination, Format},
    project::{self, Environments, Project, ProjectError},
    record::{ObjectRecord, Records},
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
    pub(crate) format: Option<Format>,
    /// None without `-w`.
    pub(crate) to: Option<Destination>,
    pub(crate) fresh: bool,
    pub(crate) certificate: certificate::Options,
    pub(crate) project: project::Choice,
    pub(crate) environments: Environments,
}

/// Reads, seals and writes, once or for each environment.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    if options.environments == Environments::None {
        let inputs = Input::read_all(&options.files, "values", report)?;
        let to = options.to.as_ref().unwrap_or(&Destination::Stdout);
        return seal_inputs(options, project.as_ref(), &inputs, to, report);
    }
    let project = project.ok_or(ProjectError::NoEnvironments)?;
    let environments = project.environments(&options.environments)?;
    let common = Common {
        files: &options.files,
        to: options.to.as_ref(),
        has_certificate: options.certificate.source.is_some(),
    };
    let seal = |environment: &Project, inputs: &[Input], to: &Destination| {
        seal_inputs(options, Some(environment), inputs, to, report)
    };
    environments::run(environments, &common, seal, report)
}

fn seal_inputs(
    options: &Options,
    project: Option<&Project>,
    inputs: &[Input],
    to: &Destination,
    report: &Report,
) -> Result<(), Failure> {
    let texts = inputs.iter().map(Input::source).collect::<Result<Vec<_>, _>>()?;
    let parsed = sources::read(&texts, &options.reading)?;
    for warning in &parsed.warnings {
        report.warning(&warning.to_string());
    }
    for skipped in &parsed.skipped {
        report.note(&format!("skipped {skipped}"));
    }
    let targets = target::resolve_all(parsed.secrets, &options.target, project)?;

    // Fetching the certificate may be slow, so report all other errors first.
    let expected = project.map(|project| project.certificate.clone()).unwrap_or_default();
    let got = certificate::get(&options.certificate, expected)?;
    let records = Records::open(report);
    let resealing = Resealing::new(&got.certificate, records.as_ref(), to, options.fresh);
    let sealed = targets
        .iter()
        .map(|target| seal(target, resealing.object(target), options))
        .collect::<Result<Vec<_>, _>>()?;
    let manifests: Vec<_> = sealed.iter().map(|sealed| &sealed.manifest).collect();
    let text = output::render(&manifests, Format::choose(options.format, to))?;
    report.note(&got.describe());
    output::write(to, text.as_bytes(), Audience::Everyone, report)?;
    for sealed in sealed {
        sealed.note.iter().for_each(|note| report.note(note));
        if let Some(record) = sealed.record {
            record.save(report);
        }
    }
    Ok(())
}

/// A sealed object, and what to do after it was written.
struct Sealed<'a> {
    manifest: SealedSecretManifest<'a>,
    record: Option<ObjectRecord<'a>>,
    note: Option<String>,
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
    mut object: Object<'a>,
    options: &'a Options,
) -> Result<Sealed<'a>, SealingError> {
    let mut encrypted_data = BTreeMap::new();
    for (key, value) in &target.data {
        let item = object.seal(key, value.expose());
        let item = item.map_err(|source| SealingError { key: key.clone(), source })?;
        encrypted_data.insert(key.as_str(), item);
    }
    let manifest = SealedSecretManifest {
        api_version: "bitnami.com/v1alpha1",
        kind: "SealedSecret",
        metadata: metadata(target, &options.sealed_annotations, &options.sealed_labels),
        spec: Spec {
            encrypted_data,
            template: Template {
                immutable: target.immutable,
                metadata: metadata(target, &target.annotations, &target.labels),
                type_: target.type_.as_deref(),
            },
        },
    };
    let (record, note) = object.finish();
    Ok(Sealed { manifest, record, note })
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
