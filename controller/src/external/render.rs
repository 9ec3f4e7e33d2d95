//! The parts of the Secret: values put together, and templates rendered, on threads of their own,
//! under limits.
//!
//! What can go wrong: a template, or the path of a property, is text of whoever may create an
//! ExternalSecret, and may be made to take long. Its steps, bytes and time are bounded, and what may take
//! long waits for its like only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crds::{
    ExternalSecret, ExternalSecretSpec,
    external_secret::{DecodingStrategy, DeletionPolicy, MergePolicy, TemplateFrom, TemplateScope},
};
use jiff::Timestamp;
use templates::{
    Environment, dialect,
    external_secret::{self, Decoding, Field, Scope, Source, Target},
};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    assemble::{Assembled, Complaint, Environments, assemble},
    fetch::Entries,
    versions::Versions,
};
use crate::{
    reason::{Failure, Reason},
    runtime::secret::SecretValue,
    sealed::render::Settings,
};

/// The marks around actions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delimiters {
    /// `{{`
    pub left: String,
    /// `}}`
    pub right: String,
}

/// Renders, a few objects at a time. Cheap to clone.
#[derive(Clone)]
pub struct Renderer {
    settings: Settings,
    delimiters: Delimiters,
    permits: Arc<Semaphore>,
}

/// What a Secret is made of.
#[derive(Default)]
pub struct Parts {
    /// The type, where the template names one.
    pub type_: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    pub finalizers: Vec<String>,
    /// The data.
    pub data: BTreeMap<String, SecretValue>,
    /// The entries whose value is gone, where that is no error.
    pub missing: Vec<String>,
    /// Whether AWS gave no value at all.
    pub is_empty: bool,
    /// The versions that were read.
    pub versions: Versions,
}

/// Why there are none.
pub enum Trouble {
    /// Values are not as they should be.
    Values(Vec<Complaint>, Box<Versions>),
    /// A template is not.
    Template(Failure),
}

/// The texts of the ConfigMaps and Secrets that templates stand in, by the place in `templateFrom`.
pub type Texts = Vec<Vec<external_secret::SourceTemplate>>;

impl Renderer {
    /// One that uses at most this many threads.
    pub fn new(settings: Settings, delimiters: Delimiters, threads: usize) -> Self {
        Self { settings, delimiters, permits: Arc::new(Semaphore::new(threads)) }
    }

    /// Puts the values together and renders the templates.
    ///
    /// # Errors
    /// What is wrong with which entry or template; never a value.
    pub async fn make(
        &self,
        object: Arc<ExternalSecret>,
        entries: Entries,
        texts: Result<Texts, Failure>,
        versions: Versions,
        copies_labels: bool,
    ) -> Result<Parts, Trouble> {
        let (settings, delimiters) = (self.settings, self.delimiters.clone());
        if !may_take_long(&object.spec) {
            return make(settings, &delimiters, &object, entries, texts, versions, copies_labels);
        }
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || {
            make(settings, &delimiters, &object, entries, texts, versions, copies_labels)
        });
        work.await.expect("rendering does not panic")
    }
}

/// Whether there are templates, or paths that do more than to name something.
fn may_take_long(spec: &ExternalSecretSpec) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let extracts = spec.data_from.iter().filter_map(|from| from.extract.as_ref());
    let mut references = spec.data.iter().map(|data| &data.remote_ref).chain(extracts);
    spec.target.template.is_some()
        || spec.data_from.iter().any(|from| !from.rewrite.is_empty())
        || references.any(|reference| !reference.property.bytes().all(is_name))
}

/// Limits that begin anew with each rendering, but for the time, which is for all of them.
struct Bounded<R> {
    settings: Settings,
    now: Timestamp,
    random: rand::rngs::ThreadRng,
    deadline_exceeded: R,
}

impl<R: Fn() -> bool> Environments for Bounded<R> {
    fn environment(&mut self) -> Environment<'_> {
        Environment {
            now: self.now,
            random: &mut self.random,
            limits: self.settings.limits,
            deadline_exceeded: &self.deadline_exceeded,
        }
    }
}

fn make(
    settings: Settings,
    delimiters: &Delimiters,
    object: &ExternalSecret,
    entries: Entries,
    texts: Result<Texts, Failure>,
    mut versions: Versions,
    copies_labels: bool,
) -> Result<Parts, Trouble> {
    let end = Instant::now() + settings.time;
    let mut bounded = Bounded {
        settings,
        now: Timestamp::now(),
        random: rand::rng(),
        deadline_exceeded: move || Instant::now() >= end,
    };
    let dialect = dialect::external_secret().with_delimiters(&delimiters.left, &delimiters.right);
    let assembled =
        assemble(&object.spec, entries, &mut versions, &dialect, &mut bounded, Instant::now());
    let Assembled { values, missing, versions: read } = match assembled {
        Ok(assembled) => assembled,
        Err(complaints) => return Err(Trouble::Values(complaints, Box::new(versions))),
    };
    versions.took(read);
    let is_empty = values.is_empty();
    // What becomes of the Secret is not for a template to say, which would miss its values.
    if is_empty && object.spec.target.deletion_policy != DeletionPolicy::Merge {
        return Ok(Parts { missing, is_empty, versions, ..Parts::default() });
    }
    let texts = texts.map_err(Trouble::Template)?;
    let value = |(key, value): (String, zeroize::Zeroizing<Vec<u8>>)| {
        (key, SecretValue::from(sealing::Plaintext::from(value)))
    };
    let Some(template) = &object.spec.target.template else {
        let metadata = |map: &Option<BTreeMap<String, String>>| {
            map.clone().filter(|_| copies_labels).unwrap_or_default()
        };
        return Ok(Parts {
            type_: None,
            labels: metadata(&object.metadata.labels),
            annotations: metadata(&object.metadata.annotations),
            finalizers: Vec::new(),
            data: values.into_iter().map(value).collect(),
            missing,
            is_empty,
            versions,
        });
    };
    let target = target(template, texts).map_err(Trouble::Template)?;
    let rendered = external_secret::render(&target, values, &dialect, bounded.environment());
    let rendered = rendered.map_err(|error| {
        let remedy = if error.is_limit() {
            "; the controller's flags --template-… set limits"
        } else {
            ""
        };
        let message = format!("target.template {}: {error}{remedy}", error.place);
        Trouble::Template(Failure::new(Reason::TemplateInvalid, message))
    })?;
    let texts = |map: BTreeMap<String, zeroize::Zeroizing<String>>| {
        map.into_iter().map(|(key, text)| (key, text.to_string())).collect()
    };
    Ok(Parts {
        type_: Some(template.type_.clone()).filter(|type_| !type_.is_empty()),
        labels: texts(rendered.labels),
        annotations: texts(rendered.annotations),
        finalizers: template.metadata.finalizers.clone(),
        data: rendered.data.into_iter().map(value).collect(),
        missing,
        is_empty,
        versions,
    })
}

fn target(template: &crds::external_secret::Template, texts: Texts) -> Result<Target, Failure> {
    let source = |(from, templates): (&TemplateFrom, Vec<external_secret::SourceTemplate>)| {
        let field = Field::parse(&from.target).ok_or_else(|| {
            let message = format!(
                "templateFrom.target `{}` is none of Data, Annotations and Labels",
                from.target.escape_debug()
            );
            Failure::new(Reason::TemplateInvalid, message)
        })?;
        let decoding = match from.values_decoding_strategy {
            DecodingStrategy::None => Decoding::None,
            DecodingStrategy::Base64 => Decoding::Base64,
            DecodingStrategy::Base64URL => Decoding::Base64Url,
            DecodingStrategy::Auto => Decoding::Auto,
        };
        Ok(Source { templates, field, decoding })
    };
    Ok(Target {
        merge: template.merge_policy == MergePolicy::Merge,
        from: template.template_from.iter().zip(texts).map(source).collect::<Result<_, _>>()?,
        data: template.data.clone(),
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
    })
}

/// What a template in a ConfigMap or Secret makes.
pub fn scope(scope: TemplateScope) -> Scope {
    match scope {
        TemplateScope::Values => Scope::Values,
        TemplateScope::KeysAndValues => Scope::KeysAndValues,
    }
}

/// The names of ConfigMaps and Secrets that templates stand in.
pub fn sources(object: &ExternalSecret) -> BTreeSet<(&'static str, &str)> {
    let template = object.spec.target.template.iter().flat_map(|template| &template.template_from);
    template
        .flat_map(|from| {
            let config_map = from.config_map.iter().map(|map| ("ConfigMap", map.name.as_str()));
            config_map.chain(from.secret.iter().map(|secret| ("Secret", secret.name.as_str())))
        })
        .collect()
}
