//! `mtk-seal template`: what the templates of manifests render to, offline, or what is wrong with them.
//! `manifests` reads the objects, `values` the values; `lint` finds mistakes.

mod external;
mod lint;
mod manifests;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crds::SealedSecret;
use templates::{Dialect, Template, external_secret, sealed_secret};
use zeroize::Zeroizing;

use self::external::External;
use self::manifests::{Manifests, Object, Subject};
use self::values::Values;
use crate::document::Document;
use crate::error::{Explain, Failure, hint};
use crate::exit::Exit;
use crate::output::{self, Audience, Destination, Format};
use crate::rendering::with_environment;
use crate::report::Report;
use crate::secret::Secret;
use crate::source::input::Input;

/// What was asked for.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) values: Option<PathBuf>,
    pub(crate) lint: bool,
    pub(crate) format: Format,
    pub(crate) to: Destination,
}

/// Reads, renders and writes the Secrets, or the mistakes.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let inputs = Input::read_all(&options.files, "manifests", report)?;
    let values = options.values.as_deref().map(values::read).transpose()?;
    let manifests = Manifests::read(&inputs)?;
    drop(inputs);
    for skipped in &manifests.skipped {
        report.note(&format!("left out {skipped}"));
    }
    if options.lint {
        return lint::run(&manifests, values.as_ref(), &options.to);
    }
    let mut documents = Vec::new();
    for object in &manifests.objects {
        documents.push(match &object.subject {
            Subject::Sealed(sealed) => sealed_document(object, sealed, values.as_ref())?,
            Subject::External(external) => {
                external_document(object, external, &manifests, values.as_ref())?
            }
        });
    }
    let text = Zeroizing::new(output::render(&documents, options.format)?);
    Ok(output::write(&options.to, text.as_bytes(), Audience::Owner)?)
}

fn sealed_document(
    object: &Object,
    sealed: &SealedSecret,
    values: Option<&Values>,
) -> Result<Document, Failure> {
    let template = &sealed.spec.template;
    let items = values
        .map_or_else(|| values::placeholders(sealed.spec.encrypted_data.keys()), Values::to_items);
    let rendered =
        with_environment(|environment| sealed_secret::render(&template.data, items, environment));
    let rendered = rendered.map_err(|error| Unrendered {
        object: object.to_string(),
        place: format!("template.data[{}]", error.key),
        cause: error.to_string(),
    })?;
    let secret = Secret {
        type_: Some(template.type_.clone()).filter(|type_| !type_.is_empty()),
        immutable: template.immutable,
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
        data: rendered.data.into_iter().map(|(key, value)| (key, value.into())).collect(),
        ..Secret::default()
    };
    Ok(Document::new(secret, &object.name, &object.namespace))
}

fn external_document(
    object: &Object,
    external: &External,
    manifests: &Manifests,
    values: Option<&Values>,
) -> Result<Document, Failure> {
    let target = manifests.target(object, external)?;
    let items = values.map_or_else(|| placeholders(external, &target), Values::to_items);
    let dialect = Dialect::external_secret();
    let rendered = with_environment(|environment| {
        external_secret::render(&target, items, &dialect, environment)
    });
    let rendered = rendered.map_err(|error| Unrendered {
        object: object.to_string(),
        place: format!("target.template.{}", error.place),
        cause: error.to_string(),
    })?;
    let text = |texts: BTreeMap<String, Zeroizing<String>>| {
        texts.into_iter().map(|(key, text)| (key, String::clone(&text))).collect()
    };
    let has_template = external.spec.target.template.is_some();
    let secret = Secret {
        type_: external.type_(),
        immutable: external.spec.target.immutable.filter(|immutable| *immutable),
        labels: if has_template { text(rendered.labels) } else { external.labels.clone() },
        annotations: if has_template {
            text(rendered.annotations)
        } else {
            external.annotations.clone()
        },
        data: rendered.data.into_iter().map(|(key, value)| (key, value.into())).collect(),
        ..Secret::default()
    };
    let name = external.spec.target.name.as_deref().unwrap_or(&object.name);
    Ok(Document::new(secret, name, &object.namespace))
}

/// For the keys that the object names; for those that its templates mention too, if what the provider
/// holds decides about them.
fn placeholders(external: &External, target: &external_secret::Target) -> sealed_secret::Values {
    let mut keys: Vec<String> = external.keys().map(str::to_owned).collect();
    if external.is_open() {
        let dialect = Dialect::external_secret();
        for (_, text) in external::texts(target) {
            let template = Template::parse("", text, &dialect);
            let mentions = template.map(|template| template.inspect().keys).unwrap_or_default();
            keys.extend(mentions.into_iter().map(|mention| mention.name));
        }
    }
    values::placeholders(keys.iter())
}

/// A template that cannot be rendered.
#[derive(Debug, thiserror::Error)]
#[error("{object}: {place}: {cause}")]
struct Unrendered {
    /// `file:line: Kind namespace/name`
    object: String,
    place: String,
    cause: String,
}

impl Explain for Unrendered {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        hint("`--lint` lists all mistakes; docs/templates.md lists all functions")
    }
}
