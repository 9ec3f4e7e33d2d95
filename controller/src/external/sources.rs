//! What an ExternalSecret refers to: its stores, as whom they are read, and templates that stand
//! elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crds::{ExternalSecret, external_secret::TemplateRef};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use templates::external_secret::{Scope, SourceTemplate};

use super::{
    controller::ExternalSecretController,
    fetch::{Source, Sources},
    render::{Texts, scope},
    store::{Store, StoreKey},
    stores,
};
use crate::{
    key::ObjectKey,
    reason::{Failure, Reason},
    runtime::api::request,
    runtime::queue::Priority,
    runtime::secret::SecretObject,
};

/// The stores of an object; none where there is no such store.
pub(super) type Stores = BTreeMap<StoreKey, Option<Arc<Store>>>;

impl ExternalSecretController {
    /// The stores that an object refers to; none where there is no such store.
    pub(super) fn stores_of(&self, object: &ExternalSecret, namespace: &str) -> Stores {
        let keys: BTreeSet<_> =
            object.stores().map(|store| StoreKey::of(store, namespace)).collect();
        keys.into_iter().map(|key| (key.clone(), self.stores.get(&key))).collect()
    }

    pub(super) fn unchanged(&self, stores: &Stores) -> bool {
        stores.iter().all(|(key, before)| {
            let now = self.stores.get(key);
            let id = |store: &Arc<Store>| (store.uid.clone(), store.generation);
            now.as_ref().map(id) == before.as_ref().map(id)
        })
    }

    pub(super) async fn sources(&self, stores: &Stores, namespace: &str) -> Sources {
        let mut sources = Sources::new();
        for (key, store) in stores {
            let name = (key.namespace.is_none(), key.name.clone());
            sources.insert(name, self.source(key, store.as_deref(), namespace).await);
        }
        sources
    }

    async fn source(
        &self,
        key: &StoreKey,
        store: Option<&Store>,
        namespace: &str,
    ) -> Result<Source, Failure> {
        let store = store
            .ok_or_else(|| Failure::new(Reason::StoreInvalid, format!("there is no {key}")))?;
        if !store.allows(namespace, || self.namespaces.labels(namespace))? {
            let message = format!("the conditions of {key} do not allow namespace {namespace}");
            return Err(Failure::new(Reason::StoreInvalid, message));
        }
        let aws = store.aws()?;
        let content = |secret: &ObjectKey| Some(*self.secrets.get(secret)?.content.as_bytes());
        let identity = store.identity(namespace, content)?;
        let reader = self.pool.reader(identity, stores::batches(store, Timestamp::now())).await?;
        Ok(Source {
            store: key.to_string(),
            uid: store.uid.clone(),
            provider: serde_json::json!(store.spec.provider),
            service: aws.service,
            region: aws.region,
            prefix: aws.prefix,
            reader,
        })
    }

    /// Has the store's status tell what has been found out of batches.
    pub(super) fn note_batches(&self, stores: &Stores, sources: &Sources) {
        for (key, store) in stores {
            let name = (key.namespace.is_none(), key.name.clone());
            if let (Some(store), Some(Ok(source))) = (store, sources.get(&name))
                && !store.is_by_namespace()
                && stores::tells(&store.status, source.reader.planner.batch_permission())
            {
                self.store_queue.add(key.clone(), Priority::Change, Duration::ZERO);
            }
        }
    }

    /// The templates that stand in ConfigMaps, Secrets and literals.
    pub(super) async fn texts(
        &self,
        object: &ExternalSecret,
        namespace: &str,
    ) -> Result<Texts, Failure> {
        let mut texts = Texts::new();
        let sources =
            object.spec.target.template.iter().flat_map(|template| &template.template_from);
        for from in sources {
            let mut templates = Vec::new();
            if let Some(reference) = &from.config_map {
                let data = self.config_map(namespace, &reference.name).await?;
                let text = |key: &str| data.get(key).cloned();
                pick(&mut templates, "ConfigMap", reference, text)?;
            }
            if let Some(reference) = &from.secret {
                let data = self.secret(namespace, &reference.name).await?;
                let text = |key: &str| {
                    let value = data.data.get(key)?;
                    str::from_utf8(value.expose()).ok().map(ToOwned::to_owned)
                };
                pick(&mut templates, "Secret", reference, text)?;
            }
            if let Some(text) = &from.literal {
                let (key, text) = ("literal".to_owned(), text.clone());
                templates.push(SourceTemplate { key, text, scope: Scope::KeysAndValues });
            }
            texts.push(templates);
        }
        Ok(texts)
    }

    async fn config_map(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let found = request(api.get_opt(name)).await;
        let found =
            found.map_err(|error| error.failure(&format!("read ConfigMap {namespace}/{name}")))?;
        let found = found.ok_or_else(|| no_template("ConfigMap", name, None))?;
        Ok(found.data.unwrap_or_default())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<SecretObject, Failure> {
        let api: Api<SecretObject> = Api::namespaced(self.client.clone(), namespace);
        let found = request(api.get_opt(name)).await;
        let found =
            found.map_err(|error| error.failure(&format!("read Secret {namespace}/{name}")))?;
        found.ok_or_else(|| no_template("Secret", name, None))
    }
}

fn pick(
    templates: &mut Vec<SourceTemplate>,
    kind: &str,
    reference: &TemplateRef,
    text: impl Fn(&str) -> Option<String>,
) -> Result<(), Failure> {
    for item in &reference.items {
        let text = text(&item.key);
        let text = text.ok_or_else(|| no_template(kind, &reference.name, Some(&item.key)))?;
        templates.push(SourceTemplate {
            key: item.key.clone(),
            text,
            scope: scope(item.template_as),
        });
    }
    Ok(())
}

fn no_template(kind: &str, name: &str, key: Option<&str>) -> Failure {
    let name = name.escape_debug();
    let message = match key {
        Some(key) => format!("{kind} {name} has no text as `{}`", key.escape_debug()),
        None => format!("{kind} {name}, with templates, is not there"),
    };
    Failure::new(Reason::TemplateInvalid, message)
}
