//! Reads the templates of `templateFrom`.

use std::collections::BTreeMap;

use crds::{
    ExternalSecret,
    external_secret::{TemplateRef, TemplateScope},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use templates::external_secret::{Scope, SourceTemplate};

use super::render::TemplateTexts;
use crate::{
    reason::{Failure, Reason},
    runtime::{api::request, secret::SecretObject},
};

pub(super) async fn read_templates(
    client: &Client,
    object: &ExternalSecret,
) -> Result<TemplateTexts, Failure> {
    let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
    let mut texts = TemplateTexts::new();
    let sources = object.spec.target.template.iter().flat_map(|template| &template.template_from);
    for from in sources {
        let mut templates = Vec::new();
        if let Some(reference) = &from.config_map {
            let data = config_map(client, namespace, &reference.name).await?;
            let text = |key: &str| data.get(key).cloned();
            templates.extend(items("ConfigMap", reference, text)?);
        }
        if let Some(reference) = &from.secret {
            let secret = secret(client, namespace, &reference.name).await?;
            let text = |key: &str| {
                let value = secret.data.get(key)?;
                str::from_utf8(value.expose()).ok().map(ToOwned::to_owned)
            };
            templates.extend(items("Secret", reference, text)?);
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
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<BTreeMap<String, String>, Failure> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = request(api.get_opt(name)).await;
    let found =
        found.map_err(|error| error.failure(&format!("read ConfigMap {namespace}/{name}")))?;
    let found = found.ok_or_else(|| not_found("ConfigMap", name))?;
    Ok(found.data.unwrap_or_default())
}

async fn secret(client: &Client, namespace: &str, name: &str) -> Result<SecretObject, Failure> {
    let api: Api<SecretObject> = Api::namespaced(client.clone(), namespace);
    let found = request(api.get_opt(name)).await;
    let found = found.map_err(|error| error.failure(&format!("read Secret {namespace}/{name}")))?;
    found.ok_or_else(|| not_found("Secret", name))
}

fn items(
    kind: &str,
    reference: &TemplateRef,
    text: impl Fn(&str) -> Option<String>,
) -> Result<Vec<SourceTemplate>, Failure> {
    let item = |item: &crds::external_secret::TemplateItem| {
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

fn not_found(kind: &str, name: &str) -> Failure {
    let message = format!("template source {kind} {} was not found", name.escape_debug());
    Failure::new(Reason::TemplateInvalid, message)
}
