//! Renders the Secret that an object with templates describes.

use std::collections::BTreeMap;

use crds::SealedSecret;
use templates::{
    Template, dialect, external_secret, sealed_secret, tool_metadata::remove_tool_metadata,
};
use zeroize::Zeroizing;

use super::{
    external::{self, External},
    manifests::{Manifests, Object, Subject},
    values::{self, Values},
};
use crate::{
    error::{Explain, Failure, hint},
    exit::Exit,
    rendering::{secret_from_template, with_environment},
    secret_manifest::{SecretContent, SecretManifest},
};

/// The Secret of an object. Without values, each item is a placeholder.
pub(super) fn secret(
    object: &Object,
    manifests: &Manifests,
    values: Option<&Values>,
) -> Result<SecretManifest, Failure> {
    match &object.subject {
        Subject::Sealed(sealed) => sealed_secret(object, sealed, values),
        Subject::External(external) => external_secret(object, external, manifests, values),
    }
}

fn sealed_secret(
    object: &Object,
    sealed: &SealedSecret,
    values: Option<&Values>,
) -> Result<SecretManifest, Failure> {
    let items = values
        .map_or_else(|| values::placeholders(sealed.spec.encrypted_data.keys()), Values::to_items);
    let mut content =
        secret_from_template(&sealed.spec.template, items).map_err(|error| TemplateError {
            object: object.to_string(),
            place: format!("template.data[{}]", error.key),
            cause: error.to_string(),
        })?;
    remove_tool_metadata(&mut content.labels);
    remove_tool_metadata(&mut content.annotations);
    Ok(SecretManifest::new(content, &object.name, &object.namespace))
}

fn external_secret(
    object: &Object,
    external: &External,
    manifests: &Manifests,
    values: Option<&Values>,
) -> Result<SecretManifest, Failure> {
    let target = manifests.target(object, external)?;
    let items = values.map_or_else(|| placeholders(external, &target), Values::to_items);
    let dialect = dialect::external_secret();
    let rendered = with_environment(|environment| {
        external_secret::render(&target, items, &dialect, environment)
    });
    let rendered = rendered.map_err(|error| TemplateError {
        object: object.to_string(),
        place: format!("target.template.{}", error.place),
        cause: error.to_string(),
    })?;
    let text = |texts: BTreeMap<String, Zeroizing<String>>| {
        texts.into_iter().map(|(key, text)| (key, String::clone(&text))).collect()
    };
    // Without a template, External Secrets copies the metadata of the ExternalSecret.
    let (labels, annotations) = if external.spec.target.template.is_some() {
        (text(rendered.labels), text(rendered.annotations))
    } else {
        let mut copied = (external.labels.clone(), external.annotations.clone());
        remove_tool_metadata(&mut copied.0);
        remove_tool_metadata(&mut copied.1);
        copied
    };
    let content = SecretContent {
        type_: external.type_(),
        immutable: external.spec.target.immutable.filter(|immutable| *immutable),
        labels,
        annotations,
        data: rendered.data,
    };
    let name = external.spec.target.name.as_deref().unwrap_or(&object.name);
    Ok(SecretManifest::new(content, name, &object.namespace))
}

/// Placeholders for the keys of the object. If only the provider knows all keys, also for those that
/// the templates use.
fn placeholders(external: &External, target: &external_secret::Target) -> sealed_secret::Values {
    let mut keys: Vec<String> = external.keys().map(str::to_owned).collect();
    if external.has_provider_keys() {
        let dialect = dialect::external_secret();
        for (_, text) in external::texts(target) {
            let template = Template::parse("", text, &dialect);
            let references = template.map(|template| template.inspect().keys).unwrap_or_default();
            keys.extend(references.into_iter().map(|reference| reference.name));
        }
    }
    values::placeholders(keys.iter())
}

/// A template cannot be rendered.
#[derive(Debug, thiserror::Error)]
#[error("{object}: {place}: {cause}")]
struct TemplateError {
    /// `file:line: Kind namespace/name`
    object: String,
    place: String,
    cause: String,
}

impl Explain for TemplateError {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        hint("`--lint` lists all template errors; docs/templates.md lists all functions")
    }
}
