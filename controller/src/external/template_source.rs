//! Reads the templates of `templateFrom`.

use std::fmt::Debug;

use crds::{
    ExternalSecret,
    external_secret::{TemplateItem, TemplateRef, TemplateScope},
};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::ConfigMap};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use templates::external_secret::{Field, Scope, Source, SourceTemplate};

use super::conversion::decoding;
use crate::{
    reason::{Failure, Reason},
    runtime::{api::request, secret::SecretObject},
};

pub(super) async fn read_templates(
    client: &Client,
    object: &ExternalSecret,
) -> Result<Vec<Source>, Failure> {
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
