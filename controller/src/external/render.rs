//! Makes the content of the Secret on threads of its own: assembles the values and renders the template.
//! A user who may create an ExternalSecret can make its templates and property paths slow.
//! Steps, bytes and time are limited, and slow objects only wait for other slow objects.

use std::{collections::BTreeMap, sync::Arc};

use crds::{
    ExternalSecret, ExternalSecretSpec,
    external_secret::{DeletionPolicy, MergePolicy, Template},
};
use jiff::Timestamp;
use templates::{
    Dialect, dialect,
    external_secret::{self, Source, Target},
    sealed_secret::Values,
    tool_metadata::remove_tool_metadata,
};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::{
    assemble::{Assembled, Rendering, assemble},
    outcome::{NO_DATA, NO_UPDATE, SyncFailure},
    read::FetchedEntries,
    versions::Versions,
};
use crate::{
    context::{TemplateSettings, overdue_failure, template_failure},
    key::ObjectKey,
    reason::Failure,
    runtime::{BlockingPool, memory::NamespaceMemory, secret::SecretValue},
    target::external::ExternalContent,
};

/// More bytes than this are copied and decoded on a thread of the pool.
const MAX_BYTES_INLINE: usize = 256 << 10;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Delimiters {
    pub(crate) left: String,
    pub(crate) right: String,
}

/// The labels and annotations that a Secret without a template copies from its ExternalSecret.
#[derive(Clone, Copy, Debug)]
pub(super) enum CopiedMetadata {
    None,
    /// All but those that tie an object to its tool.
    WithoutTools,
    All,
}

/// Everything that the content of a Secret depends on, but for limits, time and randomness.
pub(super) struct RenderJob {
    pub(super) object: Arc<ExternalSecret>,
    pub(super) entries: FetchedEntries,
    /// `templateFrom`
    pub(super) sources: Result<Vec<Source>, Failure>,
    pub(super) versions: Versions,
    pub(super) metadata: CopiedMetadata,
}

impl CopiedMetadata {
    pub(super) fn of_settings(copies_metadata: bool, copies_tool_metadata: bool) -> Self {
        match (copies_metadata, copies_tool_metadata) {
            (false, _) => Self::None,
            (true, false) => Self::WithoutTools,
            (true, true) => Self::All,
        }
    }
}

pub(super) struct RenderedSecret {
    /// None if AWS gave no value, and the deletion policy decides about the Secret.
    pub(super) content: Option<ExternalContent>,
    pub(super) missing: Vec<String>,
    pub(super) versions: Versions,
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

    pub(super) async fn render(&self, job: RenderJob) -> Result<RenderedSecret, SyncFailure> {
        if !may_be_slow(&job.object.spec) && job.entries.bytes() <= MAX_BYTES_INLINE {
            return self.render_now(job);
        }
        let (this, object) = (self.clone(), ObjectKey::of(&job.object.metadata));
        let work = move || this.render_now(job);
        let rendered = self.pool.run_within(&object, self.settings.overdue(), work).await;
        rendered
            .unwrap_or_else(|overdue| Err(SyncFailure::new(NO_UPDATE, overdue_failure(overdue))))
    }

    fn render_now(&self, job: RenderJob) -> Result<RenderedSecret, SyncFailure> {
        let started = Instant::now();
        let deadline = started + self.settings.time;
        let namespace = job.object.metadata.namespace.clone().unwrap_or_default();
        job.run(&mut Rendering {
            dialect: &self.dialect,
            started,
            now: Timestamp::now(),
            random: rand::rng(),
            limits: self.settings.limits,
            deadline_exceeded: Box::new(move || Instant::now() >= deadline),
            memory: Some(&NamespaceMemory { memory: &self.settings.memory, namespace: &namespace }),
        })
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

impl RenderJob {
    fn run(self, rendering: &mut Rendering<'_>) -> Result<RenderedSecret, SyncFailure> {
        let Self { object, entries, sources, mut versions, metadata } = self;
        let assembled = assemble(&object.spec, entries, &mut versions, rendering);
        let Assembled { values, missing } = match assembled {
            Ok(assembled) => assembled,
            Err(errors) => {
                let versions = Some(Box::new(versions));
                return Err(SyncFailure { message: NO_DATA, has_binding: false, errors, versions });
            }
        };
        // Without values the deletion policy decides. The template would fail for want of them.
        let policy = object.spec.target.deletion_policy;
        if values.is_empty() && policy != DeletionPolicy::Merge {
            return Ok(RenderedSecret { content: None, missing, versions });
        }
        let content = match &object.spec.target.template {
            Some(template) => sources.and_then(|from| templated(template, from, values, rendering)),
            None => Ok(untemplated(&object, values, metadata)),
        };
        let content = content.map_err(|failure| SyncFailure::new(NO_UPDATE, failure))?;
        Ok(RenderedSecret { content: Some(content), missing, versions })
    }
}

fn untemplated(
    object: &ExternalSecret,
    values: Values,
    metadata: CopiedMetadata,
) -> ExternalContent {
    let mut content = ExternalContent { data: data(values), ..ExternalContent::default() };
    if matches!(metadata, CopiedMetadata::None) {
        return content;
    }
    content.labels = object.metadata.labels.clone().unwrap_or_default();
    content.annotations = object.metadata.annotations.clone().unwrap_or_default();
    if matches!(metadata, CopiedMetadata::WithoutTools) {
        remove_tool_metadata(&mut content.labels);
        remove_tool_metadata(&mut content.annotations);
    }
    content
}

fn templated(
    template: &Template,
    from: Vec<Source>,
    values: Values,
    rendering: &mut Rendering<'_>,
) -> Result<ExternalContent, Failure> {
    let target = Target {
        merge: template.merge_policy == MergePolicy::Merge,
        from,
        data: template.data.clone(),
        labels: template.metadata.labels.clone(),
        annotations: template.metadata.annotations.clone(),
    };
    let (dialect, environment) = (rendering.dialect, rendering.environment());
    let rendered = external_secret::render(&target, values, dialect, environment);
    let rendered = rendered.map_err(|error| {
        template_failure(&format!("target.template {}: {error}", error.place), error.limit())
    })?;
    let texts = |map: BTreeMap<String, Zeroizing<String>>| {
        map.into_iter().map(|(key, text)| (key, text.to_string())).collect()
    };
    Ok(ExternalContent {
        type_: Some(template.type_.clone()).filter(|type_| !type_.is_empty()),
        labels: texts(rendered.labels),
        annotations: texts(rendered.annotations),
        finalizers: template.metadata.finalizers.clone(),
        data: data(rendered.data),
    })
}

fn data(values: Values) -> BTreeMap<String, SecretValue> {
    values.into_iter().map(|(key, value)| (key, SecretValue::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use templates::Limits;

    use super::*;

    const MARK: &str = "argocd.argoproj.io/instance";

    /// The content of the Secret of an object with these labels, and with this template.
    async fn content(template: Value, copies_tool_metadata: bool) -> ExternalContent {
        let labels = json!({ "team": "a", MARK: "app" });
        let mut object = json!({
            "metadata": { "namespace": "n", "name": "s", "labels": labels, "annotations": labels },
            "spec": { "target": { "deletionPolicy": "Merge" } },
        });
        object["spec"]["target"]["template"] = template;
        let settings = TemplateSettings {
            limits: Limits::default(),
            time: std::time::Duration::from_secs(30),
            memory: Arc::default(),
        };
        let delimiters = Delimiters { left: "{{".into(), right: "}}".into() };
        let renderer = Renderer::new(settings, &delimiters, 1);
        let secret = renderer.render(RenderJob {
            object: Arc::new(serde_json::from_value(object).unwrap()),
            entries: FetchedEntries {
                data_from: Vec::new(),
                data: Vec::new(),
                unlisted: std::collections::BTreeSet::new(),
            },
            sources: Ok(Vec::new()),
            versions: Versions::default(),
            metadata: CopiedMetadata::of_settings(true, copies_tool_metadata),
        });
        secret.await.ok().unwrap().content.unwrap()
    }

    #[tokio::test]
    async fn marks_of_tools_are_copied_from_the_object_only_on_request() {
        for (copies, expected) in [(false, vec!["team"]), (true, vec![MARK, "team"])] {
            let content = content(Value::Null, copies).await;
            assert_eq!(content.labels.keys().collect::<Vec<_>>(), expected);
            assert_eq!(content.annotations.keys().collect::<Vec<_>>(), expected);
        }
    }

    /// Its owner wrote it there.
    #[tokio::test]
    async fn mark_of_a_tool_in_a_template_is_written() {
        let template = json!({ "metadata": { "labels": { MARK: "app" } } });
        let content = content(template, false).await;
        assert_eq!(content.labels.keys().collect::<Vec<_>>(), [MARK]);
    }
}
