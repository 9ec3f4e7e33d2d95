//! Generates the CustomResourceDefinitions as YAML files.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, ValidationRule,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use crate::{ClusterSecretStore, ExternalSecret, SealedSecret, SecretStore};

/// All definitions, each with the name of its file in `crds/manifests/`.
///
/// # Errors
/// If a definition cannot be serialised, which a test rules out.
pub fn all() -> Result<Vec<(&'static str, String)>, serde_saphyr::ser::Error> {
    let mut sealed = SealedSecret::crd();
    tidy(&mut sealed, &["encryptedData"], &[]);
    let mut external = ExternalSecret::crd();
    tidy(&mut external, &[], &EXTERNAL_RULES);
    add_item_rules(&mut external);
    add_defaults(&mut external);
    let [mut store, mut cluster_store] = [SecretStore::crd(), ClusterSecretStore::crd()];
    tidy(&mut store, &["provider"], &[]);
    tidy(&mut cluster_store, &["provider"], &[]);
    for definition in [&mut sealed, &mut external, &mut store, &mut cluster_store] {
        add_status_default(definition);
    }
    for definition in [&mut external, &mut store, &mut cluster_store] {
        add_label_and_older_version(definition);
    }
    Ok(vec![
        ("clustersecretstores.yaml", yaml(&cluster_store)?),
        ("externalsecrets.yaml", yaml(&external)?),
        ("sealedsecrets.yaml", yaml(&sealed)?),
        ("secretstores.yaml", yaml(&store)?),
    ])
}

/// A CEL rule, and the message if an object violates it.
type Rule = (&'static str, &'static str);

/// The rules that the webhook of External Secrets checks.
const EXTERNAL_RULES: [Rule; 3] = [
    (
        "(has(self.data) && size(self.data) > 0) || (has(self.dataFrom) && size(self.dataFrom) > 0)",
        "either data or dataFrom should be specified",
    ),
    (
        "!has(self.target) || !has(self.target.deletionPolicy) || self.target.deletionPolicy != \
         'Delete' || !has(self.target.creationPolicy) || !(self.target.creationPolicy in ['Merge', \
         'CreateOrMerge', 'None'])",
        "deletionPolicy=Delete must not be used with creationPolicy Merge, CreateOrMerge or None: \
         there would be no Secret of its own to delete",
    ),
    (
        "!has(self.target) || !has(self.target.deletionPolicy) || self.target.deletionPolicy != \
         'Merge' || !has(self.target.creationPolicy) || self.target.creationPolicy != 'None'",
        "deletionPolicy=Merge must not be used with creationPolicy=None: there is no Secret to merge \
         with",
    ),
];

/// Rules for items of lists, by path from the spec. The lists are bounded, because the API server
/// estimates the cost of rules.
const ITEM_RULES: [(&[&str], i64, Rule); 3] = [
    (
        &["dataFrom"],
        256,
        (
            "(has(self.extract) ? 1 : 0) + (has(self.find) ? 1 : 0) + (has(self.sourceRef) && \
             has(self.sourceRef.generatorRef) ? 1 : 0) == 1",
            "exactly one of extract, find and sourceRef.generatorRef",
        ),
    ),
    (
        &["dataFrom"],
        256,
        (
            "!has(self.sourceRef) || has(self.sourceRef.storeRef) != has(self.sourceRef.generatorRef)",
            "a sourceRef names either a store or a generator",
        ),
    ),
    (
        &["dataFrom", "rewrite"],
        64,
        (
            "(has(self.regexp) ? 1 : 0) + (has(self.transform) ? 1 : 0) + (has(self.merge) ? 1 : 0) == 1",
            "exactly one of regexp, transform and merge",
        ),
    ),
];

/// The defaults of External Secrets' own CRD, by path from the spec. Its controller needs them, so they
/// must exist for users who switch back.
const EXTERNAL_DEFAULTS: [(&[&str], &str); 12] = [
    (&["refreshInterval"], r#""1h0m0s""#),
    (&["target"], r#"{"creationPolicy":"Owner","deletionPolicy":"Retain"}"#),
    (&["target", "creationPolicy"], r#""Owner""#),
    (&["target", "deletionPolicy"], r#""Retain""#),
    (&["target", "template", "engineVersion"], r#""v2""#),
    (&["target", "template", "mergePolicy"], r#""Replace""#),
    (&["target", "template", "templateFrom", "target"], r#""Data""#),
    (&["target", "template", "templateFrom", "configMap", "items", "templateAs"], r#""Values""#),
    (&["target", "template", "templateFrom", "secret", "items", "templateAs"], r#""Values""#),
    (&["dataFrom", "rewrite", "merge", "conflictPolicy"], r#""Error""#),
    (&["dataFrom", "rewrite", "merge", "priorityPolicy"], r#""Strict""#),
    (&["dataFrom", "rewrite", "merge", "strategy"], r#""Extract""#),
];

/// Adds the label of External Secrets, and the older version, which the chart can enable.
fn add_label_and_older_version(definition: &mut CustomResourceDefinition) {
    let labels = definition.metadata.labels.get_or_insert_default();
    labels.insert("external-secrets.io/component".to_owned(), "controller".to_owned());
    let mut older = definition.spec.versions[0].clone();
    "v1beta1".clone_into(&mut older.name);
    older.served = false;
    older.storage = false;
    older.deprecated = Some(true);
    definition.spec.versions.push(older);
}

/// Removes the defaults of our types, so that the API server stores exactly what users committed. Sets
/// required fields and rules.
fn tidy(definition: &mut CustomResourceDefinition, required: &[&str], rules: &[Rule]) {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let Some(root) = schema else { continue };
        root.description = None;
        remove_defaults(root);
        let Some(spec) = root.properties.as_mut().and_then(|all| all.get_mut("spec")) else {
            continue;
        };
        let required: Vec<_> = required.iter().map(|&field| field.to_owned()).collect();
        spec.required = Some(required).filter(|required| !required.is_empty());
        let rules: Vec<_> = rules.iter().map(rule).collect();
        spec.x_kubernetes_validations = Some(rules).filter(|rules| !rules.is_empty());
    }
}

fn add_item_rules(definition: &mut CustomResourceDefinition) {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let Some(spec) = schema.and_then(|root| root.properties.as_mut()?.get_mut("spec")) else {
            continue;
        };
        for (path, max_items, item_rule) in &ITEM_RULES {
            let Some(list) = schema_at(spec, path) else { continue };
            list.max_items = Some(*max_items);
            if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut list.items {
                items.x_kubernetes_validations.get_or_insert_default().push(rule(item_rule));
            }
        }
    }
}

fn add_defaults(definition: &mut CustomResourceDefinition) {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let Some(spec) = schema.and_then(|root| root.properties.as_mut()?.get_mut("spec")) else {
            continue;
        };
        for (path, default) in &EXTERNAL_DEFAULTS {
            if let Some(schema) = schema_at(spec, path) {
                schema.default = serde_json::from_str(default).ok().map(JSON);
            }
        }
    }
}

/// The status of an object that no controller has observed yet. Without it, tools that wait, such as
/// Flux and Helm, take a new object for a ready one.
fn add_status_default(definition: &mut CustomResourceDefinition) {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let Some(status) = schema.and_then(|root| root.properties.as_mut()?.get_mut("status"))
        else {
            continue;
        };
        status.default = Some(JSON(json!({ "observedGeneration": -1 })));
    }
}

/// The schema of a field, by path. The path leads through items of lists.
fn schema_at<'s>(
    schema: &'s mut JSONSchemaProps,
    path: &[&str],
) -> Option<&'s mut JSONSchemaProps> {
    let (name, rest) = path.split_first()?;
    let found = schema.properties.as_mut()?.get_mut(*name)?;
    if rest.is_empty() {
        return Some(found);
    }
    if found.items.is_none() {
        return schema_at(found, rest);
    }
    match found.items.as_mut()? {
        JSONSchemaPropsOrArray::Schema(items) => schema_at(items, rest),
        JSONSchemaPropsOrArray::Schemas(_) => None,
    }
}

fn rule(&(rule, message): &Rule) -> ValidationRule {
    ValidationRule {
        rule: rule.to_owned(),
        message: Some(message.to_owned()),
        ..ValidationRule::default()
    }
}

fn remove_defaults(schema: &mut JSONSchemaProps) {
    schema.default = None;
    for property in schema.properties.iter_mut().flat_map(|all| all.values_mut()) {
        remove_defaults(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        remove_defaults(items);
    }
}

fn yaml(definition: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut text = String::from("# Generated by `cargo xtask manifests` from the crate `crds`.\n");
    serde_saphyr::to_fmt_writer_with_options(&mut text, definition, options)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_manifests_are_up_to_date() {
        for (file, generated) in all().unwrap() {
            let path =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(file);
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(committed, generated, "{file} is out of date: run `cargo xtask manifests`");
        }
    }

    /// The controller of External Secrets rejects a missing policy as unknown.
    #[test]
    fn each_default_has_a_field() {
        let mut external = ExternalSecret::crd();
        tidy(&mut external, &[], &[]);
        let schema = external.spec.versions[0].schema.as_mut().unwrap();
        let root = schema.open_api_v3_schema.as_mut().unwrap();
        let spec = root.properties.as_mut().unwrap().get_mut("spec").unwrap();
        for (path, default) in &EXTERNAL_DEFAULTS {
            assert!(schema_at(spec, path).is_some(), "{path:?}");
            serde_json::from_str::<serde_json::Value>(default).unwrap();
        }
    }

    #[test]
    fn definitions_fit_into_the_annotation_of_kubectl_apply() {
        for (file, generated) in all().unwrap() {
            assert!(generated.len() < 262_144 / 4, "{file} has {} bytes", generated.len());
        }
    }
}
