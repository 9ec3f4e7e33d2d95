//! Makes the content of the Secret on threads of its own: assembles the values and renders the template.
//!
//! A user who may create an ExternalSecret can make its templates and property paths slow.
//! Steps, bytes and time are limited, and slow objects only wait for other slow objects.

use std::{collections::BTreeMap, sync::Arc};

use crds::{
    ExternalSecret, ExternalSecretSpec,
    external_secret::{DecodingStrategy, DeletionPolicy, MergePolicy, Template, TemplateFrom},
};
use jiff::Timestamp;
use templates::{
    Dialect, Environment, dialect,
    external_secret::{self, Decoding, Field, Source, SourceTemplate, Target},
};
use tokio::time::Instant;

use super::{
    assemble::{Assembled, Environments, assemble},
    fetch::entry::FetchedEntries,
    outcome::EntryError,
    versions::Versions,
};
use crate::{
    context::TemplateSettings,
    reason::{Failure, Reason},
    runtime::{blocking::BlockingPool, secret::SecretValue},
};

/// The delimiters of template actions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Delimiters {
    pub(crate) left: String,
    pub(crate) right: String,
}

/// The templates in ConfigMaps, Secrets and literals, by their index in `templateFrom`.
pub(super) type TemplateTexts = Vec<Vec<SourceTemplate>>;

/// Everything that the content of a Secret depends on, but for limits, time and randomness.
pub(super) struct RenderJob {
    pub(super) object: Arc<ExternalSecret>,
    pub(super) entries: FetchedEntries,
    pub(super) texts: Result<TemplateTexts, Failure>,
    /// The versions that were read before.
    pub(super) versions: Versions,
    pub(super) copies_metadata: bool,
}

#[derive(Default)]
pub(super) struct RenderedSecret {
    /// The type, if the template names one.
    pub(super) type_: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) finalizers: Vec<String>,
    pub(super) data: BTreeMap<String, SecretValue>,
    /// The entries whose value is gone, where the deletion policy allows that.
    pub(super) missing: Vec<String>,
    /// Whether AWS gave no value at all.
    pub(super) has_no_values: bool,
    /// The versions that were read.
    pub(super) versions: Versions,
}

/// Why a Secret has no content. Never with a value.
pub(super) enum RenderError {
    Values(Vec<EntryError>, Box<Versions>),
    Template(Failure),
}

/// Renders a few objects at a time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Renderer {
    settings: TemplateSettings,
    dialect: Arc<Dialect>,
    pool: BlockingPool,
}

impl Renderer {
    pub(crate) fn new(settings: TemplateSettings, delimiters: &Delimiters, threads: usize) -> Self {
        let dialect =
            dialect::external_secret().with_delimiters(&delimiters.left, &delimiters.right);
        Self { settings, dialect: Arc::new(dialect), pool: BlockingPool::new(threads) }
    }

    pub(super) async fn render(&self, job: RenderJob) -> Result<RenderedSecret, RenderError> {
        if !may_be_slow(&job.object.spec) {
            return self.render_now(job);
        }
        let this = self.clone();
        self.pool.run(move || this.render_now(job)).await
    }

    fn render_now(&self, job: RenderJob) -> Result<RenderedSecret, RenderError> {
        let started = Instant::now();
        let deadline = started + self.settings.time;
        let mut limits = Limits {
            settings: self.settings,
            now: Timestamp::now(),
            random: rand::rng(),
            deadline_exceeded: move || Instant::now() >= deadline,
        };
        job.run(&self.dialect, &mut limits, started)
    }
}

/// Whether there are templates, or property paths that do more than to name a property.
fn may_be_slow(spec: &ExternalSecretSpec) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let extracts = spec.data_from.iter().filter_map(|from| from.extract.as_ref());
    let mut references = spec.data.iter().map(|data| &data.remote_ref).chain(extracts);
    spec.target.template.is_some()
        || spec.data_from.iter().any(|from| !from.rewrite.is_empty())
        || references.any(|reference| !reference.property.bytes().all(is_name))
}

/// Each rendering has these limits. The deadline is shared by all renderings of an object.
struct Limits<D> {
    settings: TemplateSettings,
    now: Timestamp,
    random: rand::rngs::ThreadRng,
    deadline_exceeded: D,
}

impl<D: Fn() -> bool> Environments for Limits<D> {
    fn environment(&mut self) -> Environment<'_> {
        Environment {
            now: self.now,
            random: &mut self.random,
            limits: self.settings.limits,
            deadline_exceeded: &self.deadline_exceeded,
        }
    }
}

impl RenderJob {
    fn run(
        mut self,
        dialect: &Dialect,
        environments: &mut dyn Environments,
        started: Instant,
    ) -> Result<RenderedSecret, RenderError> {
        let spec = &self.object.spec;
        let assembled =
            assemble(spec, self.entries, &mut self.versions, dialect, environments, started);
        let Assembled { values, missing, versions } = match assembled {
            Ok(assembled) => assembled,
            Err(errors) => return Err(RenderError::Values(errors, Box::new(self.versions))),
        };
        self.versions.record_taken(versions);
        let mut rendered = RenderedSecret {
            missing,
            has_no_values: values.is_empty(),
            versions: self.versions,
            ..RenderedSecret::default()
        };
        // Without values the deletion policy decides. The template would fail for want of them.
        if rendered.has_no_values && spec.target.deletion_policy != DeletionPolicy::Merge {
            return Ok(rendered);
        }
        let texts = self.texts.map_err(RenderError::Template)?;
        let value =
            |(key, value): (String, zeroize::Zeroizing<Vec<u8>>)| (key, SecretValue::from(value));
        let Some(template) = &spec.target.template else {
            if self.copies_metadata {
                let metadata = &self.object.metadata;
                rendered.labels = metadata.labels.clone().unwrap_or_default();
                rendered.annotations = metadata.annotations.clone().unwrap_or_default();
            }
            rendered.data = values.into_iter().map(value).collect();
            return Ok(rendered);
        };
        let target = target(template, texts).map_err(RenderError::Template)?;
        let result = external_secret::render(&target, values, dialect, environments.environment());
        let result = result.map_err(|error| {
            let remedy = if error.is_limit() {
                "; the flags --template-… of the controller set limits"
            } else {
                ""
            };
            let message = format!("target.template {}: {error}{remedy}", error.place);
            RenderError::Template(Failure::new(Reason::TemplateInvalid, message))
        })?;
        let texts = |map: BTreeMap<String, zeroize::Zeroizing<String>>| {
            map.into_iter().map(|(key, text)| (key, text.to_string())).collect()
        };
        rendered.type_ = Some(template.type_.clone()).filter(|type_| !type_.is_empty());
        rendered.labels = texts(result.labels);
        rendered.annotations = texts(result.annotations);
        rendered.finalizers.clone_from(&template.metadata.finalizers);
        rendered.data = result.data.into_iter().map(value).collect();
        Ok(rendered)
    }
}

fn target(template: &Template, texts: TemplateTexts) -> Result<Target, Failure> {
    let source = |(from, templates): (&TemplateFrom, Vec<SourceTemplate>)| {
        let field = Field::parse(&from.target).ok_or_else(|| {
            let message = format!(
                "templateFrom.target must be Data, Annotations or Labels, not `{}`",
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
        Ok::<_, Failure>(Source { templates, field, decoding })
    };
    Ok(Target {
        merge: template.merge_policy == MergePolicy::Merge,
        from: template.template_from.iter().zip(texts).map(source).collect::<Result<_, _>>()?,
        data: template.data.clone(),
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
    })
}
