//! Seals Secret manifests.

use std::collections::BTreeMap;

use sealing::{Certificate, Scope};

use super::{
    certificate,
    error::KubesealError,
    namespace,
    options::Options,
    sealed_secret::{self, Metadata, SealedSecret, Spec, Template},
    secret::{self, Secret},
};
use crate::{
    error::Failure,
    output::{self, Audience},
    report::Report,
};

/// Reads, seals and writes. After an error it has written nothing.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let (certificate, secrets) = inputs(options, report)?;
    let sealed = secrets
        .into_iter()
        .map(|secret| seal(prepare(secret, options)?, options, &certificate))
        .collect::<Result<Vec<_>, _>>()?;
    let text = sealed_secret::render(&sealed, options.format)?;
    Ok(output::write(&options.to, text.as_bytes(), Audience::Everyone, report)?)
}

/// The certificate and the Secrets. As in the original, a missing file comes before a wrong
/// certificate, and that before malformed input.
pub(super) fn inputs(
    options: &Options,
    report: &Report,
) -> Result<(Certificate, Vec<Secret>), Failure> {
    const WHAT: &str = "a Secret manifest";
    let file = options.input.as_ref().map(|_| options.read(WHAT, report)).transpose()?;
    let certificate = certificate::get(options, report)?;
    let input = file.map_or_else(|| options.read(WHAT, report), Ok)?;
    Ok((certificate, secret::read(&input)?))
}

/// Applies the flags for the name and the scope. A Secret without data is an error.
pub(super) fn prepare(mut secret: Secret, options: &Options) -> Result<Secret, KubesealError> {
    if secret.data.is_empty() && !options.allow_empty {
        return Err(KubesealError::Empty);
    }
    if let Some(scope) = options.scope {
        let annotations = [Scope::ClusterWide, Scope::NamespaceWide].map(Scope::annotation);
        secret.annotations.retain(|key, _| !annotations.contains(&Some(key.as_str())));
        let annotation = scope.annotation().map(|key| (key.to_owned(), "true".to_owned()));
        secret.annotations.extend(annotation);
    }
    secret.name = options.name.clone().or(secret.name);
    Ok(secret)
}

fn seal(
    secret: Secret,
    options: &Options,
    certificate: &Certificate,
) -> Result<SealedSecret, KubesealError> {
    let name = secret.name.clone().ok_or(KubesealError::NoName)?;
    let scope = Scope::from_annotations(Some(&secret.annotations));
    let namespace = namespace::resolve(secret.namespace.as_deref(), scope, options)?;
    let namespace = namespace.unwrap_or_default();
    let encrypted_data = items(&secret, scope, &namespace, &name, certificate)?;
    let annotation = scope.annotation().map(|key| (key.to_owned(), "true".to_owned()));
    let metadata = Metadata {
        name: name.clone(),
        namespace: namespace.clone(),
        annotations: annotation.into_iter().collect(),
        ..Metadata::default()
    };
    let template = Template {
        metadata: Metadata {
            name,
            namespace,
            labels: secret.labels,
            annotations: secret.annotations,
            finalizers: secret.finalizers,
        },
        type_: secret.type_,
        immutable: secret.immutable,
    };
    Ok(SealedSecret::new(metadata, Spec { template, encrypted_data }))
}

/// The sealed values.
pub(super) fn items(
    secret: &Secret,
    scope: Scope,
    namespace: &str,
    name: &str,
    certificate: &Certificate,
) -> Result<BTreeMap<String, String>, KubesealError> {
    let label = scope.label(namespace, name);
    let seal = |(key, value): (&String, &sources::SecretBytes)| {
        let item = certificate.seal(&label, value.expose());
        let item = item.map_err(|source| KubesealError::Seal { key: key.clone(), source })?;
        Ok((key.clone(), item))
    };
    secret.data.iter().map(seal).collect()
}
