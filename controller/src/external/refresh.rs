//! One refresh: reads the values of an ExternalSecret and writes its Secret.

use std::{fmt::Debug, sync::Arc, time::Duration};

use crds::{
    ExternalSecret,
    external_secret::{CreationPolicy, DeletionPolicy, TemplateItem, TemplateRef, TemplateScope},
};
use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope, api::core::v1::ConfigMap,
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use templates::external_secret::{Field, Scope, Source, SourceTemplate};
use tokio::time::Instant;
use tracing::info;

use super::{
    attempt::Attempt,
    conversion::decoding,
    fetch::fetch,
    outcome::{
        IMMUTABLE_TARGET, NO_DELETE, NO_ORPHAN_DELETE, NO_OWNERSHIP, NO_UPDATE, OWNED_BY_ANOTHER,
        SecretEffect, SyncError, SyncFailure, Synced,
    },
    read::{ReadableStore, ReadableStores},
    render::{CopiedMetadata, RenderJob, RenderedSecret},
    store::{ReferencedStores, Store, StoreKey},
    store_status::{self, Findings},
    versions::Versions,
};
use crate::{
    aws::planner::Urgency,
    context::Context,
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::{Indexed as _, Priority, Severity, request, secret::SecretObject},
    target::{
        ApplyError, Deletion, ExternalSecretTarget, Refusal, data_hash,
        external::ExternalContent,
        policy::{check_keys, check_labels},
    },
};

impl Attempt<'_> {
    pub(super) async fn refresh(&self, stores: &ReferencedStores) -> Result<Synced, SyncError> {
        let (controller, entry) = (self.controller, self.entry);
        let mut readable = ReadableStores::new();
        for (key, store) in stores {
            readable.insert(key.clone(), self.readable_store(key, store.as_ref()).await);
        }
        let sources = read_templates(&controller.context, &entry.object).await;
        let entries = fetch(&entry.object, &readable, &entry.versions, Instant::now()).await;
        // Discard the values if the object or the identity of a store changed during the read (F20).
        let is_same =
            controller.objects.entries.get(&entry.key).is_some_and(|now| now.uid() == entry.uid());
        if !is_same || !controller.stores.index.has_unchanged(stores) {
            return Err(SyncError::Superseded);
        }
        readable.values().flatten().for_each(|readable| self.report_findings(readable));
        let mut versions = entry.versions.clone();
        entry.looks.tell(&mut versions);
        let job = RenderJob {
            object: entry.object.clone(),
            entries,
            sources,
            versions,
            metadata: CopiedMetadata::of_settings(
                controller.settings.copies_metadata,
                controller.context.settings.copies_tool_metadata,
            ),
        };
        self.sync_secret(controller.renderer.render(job).await?).await
    }

    /// The store, with an identity to read from it for this object.
    pub(super) async fn readable_store(
        &self,
        key: &StoreKey,
        store: Option<&Arc<Store>>,
    ) -> Result<ReadableStore, Failure> {
        let (stores, namespace) = (&self.controller.stores, self.entry.key.namespace.as_str());
        let invalid = |message: String| Failure::new(Reason::StoreInvalid, message);
        let store = store.ok_or_else(|| invalid(format!("{key} was not found")))?;
        if !store.allows(namespace, || stores.context.namespaces.labels(namespace))? {
            let message = format!("the conditions of {key} do not allow namespace {namespace}");
            return Err(invalid(message));
        }
        let (aws, identity) = (store.aws()?, stores.identity(store, namespace)?);
        let recorded = store_status::recorded_batches(store, Timestamp::now());
        let reader = stores.pool.reader(identity, recorded).await?;
        let is_announced = self.entry.looks.look_in(self.started.monotonic).is_some();
        let urgency = if is_announced { Urgency::Urgent } else { Urgency::Routine };
        Ok(ReadableStore { store: store.clone(), aws, reader, urgency })
    }

    /// Has new findings recorded in the status of the store.
    pub(super) fn report_findings(&self, ReadableStore { store, reader, .. }: &ReadableStore) {
        let is_new = store_status::is_new(&store.status.conditions, Findings::of(reader));
        if is_new && !store.has_identity_per_namespace() {
            let key = store.key.clone();
            self.controller.stores.queue.add(key, Priority::Change, Duration::ZERO);
        }
    }

    pub(super) async fn sync_secret(&self, secret: RenderedSecret) -> Result<Synced, SyncError> {
        let RenderedSecret { content, missing, versions } = secret;
        if let Some(content) = content {
            return self.write(content, missing, versions).await;
        }
        let target = &self.entry.object.spec.target;
        match (target.deletion_policy, target.creation_policy) {
            (DeletionPolicy::Delete, CreationPolicy::Owner) => self.delete(missing).await,
            (DeletionPolicy::Delete, _) => {
                let message = "all values are missing, and deletionPolicy Delete only deletes Secrets \
                               of creationPolicy Owner: change one of the two";
                let failure = Failure::new(Reason::Malformed, message);
                Err(SyncFailure::new(NO_DELETE, failure).into())
            }
            (DeletionPolicy::Retain | DeletionPolicy::Merge, _) => {
                Ok(Synced::without_read(SecretEffect::Retained, self.entry))
            }
        }
    }

    /// Writes the Secret, and deletes Secrets that the object wrote under other names.
    async fn write(
        &self,
        content: ExternalContent,
        missing: Vec<String>,
        versions: Versions,
    ) -> Result<Synced, SyncError> {
        let (controller, secret) = (self.controller, self.entry.target());
        let checked = check_labels(&content.labels).and_then(|()| check_keys(content.data.keys()));
        checked.map_err(|failure| SyncFailure::new(NO_UPDATE, failure))?;
        let has_binding = controller.context.secrets.contains(&secret);
        let not_written = |message, failure| {
            SyncError::Failed(SyncFailure { has_binding, ..SyncFailure::new(message, failure) })
        };
        let applied = controller.context.writer.apply(&self.target(content)).await;
        let (applied, written) = applied.map_err(|error| match error {
            ApplyError::NamespaceGone => SyncError::NamespaceGone,
            ApplyError::Vanished => SyncError::Superseded,
            ApplyError::Failed(failure) => not_written(NO_UPDATE, failure),
            ApplyError::Refused(refusal) => not_written(message(&refusal), refusal.failure()),
        })?;
        let change = SecretEffect::Applied(applied);
        if !change.is_written() {
            return Ok(Synced::without_read(change, self.entry));
        }
        if let Err(failure) = self.delete_renamed(&secret).await {
            let failure = SyncFailure::new(NO_ORPHAN_DELETE, failure);
            return Err(SyncFailure { versions: Some(Box::new(versions)), ..failure }.into());
        }
        let fingerprint = written.filter(|_| !controller.settings.writes_data_hash);
        let fingerprint = fingerprint.map(|secret| secret.content.to_string());
        Ok(Synced { change, versions, fingerprint, missing })
    }

    fn target(&self, content: ExternalContent) -> ExternalSecretTarget {
        let (object, settings) = (&self.entry.object, &self.controller.settings);
        ExternalSecretTarget {
            key: self.entry.target(),
            owner: OwnerReference {
                block_owner_deletion: Some(true),
                ..object.controller_owner_ref(&()).unwrap_or_default()
            },
            policy: object.spec.target.creation_policy,
            field_manager: data_hash::field_manager(&self.entry.key.name),
            immutable: object.spec.target.immutable,
            content,
            writes_data_hash: settings.writes_data_hash,
            requires_adopt_annotation: settings.requires_adopt_annotation,
        }
    }

    async fn delete(&self, missing: Vec<String>) -> Result<Synced, SyncError> {
        let deletion = self.delete_owned(&self.entry.target()).await;
        let deletion = deletion.map_err(|failure| SyncFailure::new(NO_DELETE, failure))?;
        let change = SecretEffect::Deleted(deletion);
        Ok(Synced { change, versions: Versions::default(), fingerprint: None, missing })
    }

    /// Deletes the Secrets that the object wrote under earlier names of its target. Some may be left from
    /// more than one change of the name, so the index is searched after each change of the object.
    async fn delete_renamed(&self, secret: &ObjectKey) -> Result<(), Failure> {
        let (key, entry) = (&self.entry.key, self.entry);
        let old = entry.status.binding.name.as_str();
        let is_renamed = !old.is_empty() && old != secret.name;
        let is_changed = entry.synced.as_ref().is_some_and(|synced| *synced != entry.current);
        let is_owner = entry.object.spec.target.creation_policy == CreationPolicy::Owner;
        if !is_owner || !is_renamed && !is_changed {
            return Ok(());
        }
        let by = data_hash::created_by(&key.namespace, &key.name);
        let mut orphans = self.controller.context.secrets.created_by(&key.namespace, &by);
        orphans.retain(|orphan| orphan != secret);
        for orphan in orphans {
            if self.delete_owned(&orphan).await? == Deletion::Deleted {
                let message =
                    format!("secret {} deleted: the target has another name", orphan.name);
                info!(object = %key, cause = message, "deleted");
                self.publish(Severity::Normal, "Deleted", &message).await;
            }
        }
        Ok(())
    }

    async fn delete_owned(&self, secret: &ObjectKey) -> Result<Deletion, Failure> {
        let deletion = self.controller.context.writer.delete(secret, self.entry.uid()).await;
        deletion.map_err(|failure| match failure.reason {
            Reason::AccessDenied => Failure::new(
                Reason::AccessDenied,
                format!(
                    "the controller may not delete Secret {secret}: set \
                     externalSecrets.allowDelete=true in its chart, or delete the Secret yourself"
                ),
            ),
            _ => failure,
        })
    }
}

/// Reads the templates of `templateFrom`.
async fn read_templates(
    context: &Context,
    object: &ExternalSecret,
) -> Result<Vec<Source>, Failure> {
    let client = &context.client;
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let mut sources = Vec::new();
    let template_from = object.spec.target.template.iter().flat_map(|all| &all.template_from);
    for from in template_from {
        let mut templates = Vec::new();
        if let Some(reference) = &from.config_map {
            let read: ConfigMap = read(client, "ConfigMap", namespace, &reference.name).await?;
            let text = |key: &str| read.data.as_ref()?.get(key).cloned();
            templates.extend(items("ConfigMap", reference, text)?);
        }
        if let Some(reference) = &from.secret {
            let read: SecretObject = read(client, "Secret", namespace, &reference.name).await?;
            if context.writer.policy.is_own(&read.metadata) {
                let name = reference.name.escape_debug();
                let message = format!(
                    "template source Secret {name} belongs to the controller, and is no source of \
                     templates: name another one"
                );
                return Err(Failure::new(Reason::TemplateInvalid, message));
            }
            let text = |key: &str| {
                let value = read.data.get(key)?;
                str::from_utf8(value.expose()).ok().map(ToOwned::to_owned)
            };
            templates.extend(items("Secret", reference, text)?);
        }
        if let Some(text) = &from.literal {
            let (key, text) = ("literal".to_owned(), text.clone());
            templates.push(SourceTemplate { key, text, scope: Scope::KeysAndValues });
        }
        let field = Field::parse(&from.target).ok_or_else(|| {
            let target = from.target.escape_debug();
            let message =
                format!("templateFrom.target must be Data, Annotations or Labels, not `{target}`");
            Failure::new(Reason::TemplateInvalid, message)
        })?;
        let decoding = decoding(from.values_decoding_strategy);
        sources.push(Source { templates, field, decoding });
    }
    Ok(sources)
}

async fn read<K>(client: &Client, kind: &str, namespace: &str, name: &str) -> Result<K, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = request(api.get_opt(name)).await;
    let found = found.map_err(|error| error.failure(&format!("read {kind} {namespace}/{name}")))?;
    found.ok_or_else(|| {
        let message = format!("template source {kind} {} was not found", name.escape_debug());
        Failure::new(Reason::TemplateInvalid, message)
    })
}

fn items(
    kind: &str,
    reference: &TemplateRef,
    text: impl Fn(&str) -> Option<String>,
) -> Result<Vec<SourceTemplate>, Failure> {
    let item = |item: &TemplateItem| {
        let key = item.key.clone();
        let text = text(&key).ok_or_else(|| {
            let (name, key) = (reference.name.escape_debug(), key.escape_debug());
            let message = format!("key `{key}` of template source {kind} {name} is not a text");
            Failure::new(Reason::TemplateInvalid, message)
        })?;
        let scope = match item.template_as {
            TemplateScope::Values => Scope::Values,
            TemplateScope::KeysAndValues => Scope::KeysAndValues,
        };
        Ok(SourceTemplate { key, text, scope })
    };
    reference.items.iter().map(item).collect()
}

fn message(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ControlledBy { controller, .. } if &*controller.kind == "ExternalSecret" => {
            OWNED_BY_ANOTHER
        }
        Refusal::Immutable { .. } => IMMUTABLE_TARGET,
        Refusal::TypeDiffers { .. } => NO_UPDATE,
        Refusal::AdoptAnnotationMissing { .. }
        | Refusal::ControlledBy { .. }
        | Refusal::NotManaged { .. }
        | Refusal::OwnedByEarlierObject { .. } => NO_OWNERSHIP,
    }
}
