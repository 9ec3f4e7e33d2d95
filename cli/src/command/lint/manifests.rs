//! Checks SealedSecrets and Secrets in manifests.

use std::collections::BTreeMap;

use manifests::{Manifest, Problem};
use sealing::{Item, Malformed, Scope};
use sources::{Input, Node, SourceError, Value};

use super::finding::{Checked, Rule};

/// Checks all objects of a text. `bits` is the size of the certificate's key.
pub(super) fn check(checked: &mut Checked<'_>, text: &str, bits: Option<usize>) {
    if !text.contains("Secret") {
        return;
    }
    let input = Input { name: "", file_name: None, text };
    match sources::documents(input) {
        Ok(documents) => documents.iter().for_each(|node| object(checked, node, bits)),
        Err(error) => unparsed(checked, text, &error, bits),
    }
}

/// Helm templates are no YAML, but the items of their SealedSecrets can be found.
fn unparsed(checked: &mut Checked<'_>, text: &str, error: &SourceError, bits: Option<usize>) {
    let is_template = text.contains("{{");
    match Manifest::parse(text) {
        Ok(manifest) if is_template => templated(checked, &manifest, bits),
        _ if is_template || !has_secret(text) => {}
        _ => {
            let (line, message) = match error {
                SourceError::Malformed { line, problem, .. } => (*line, problem.to_string()),
                other => (None, other.to_string()),
            };
            checked.add(line.unwrap_or(1), "", Rule::Malformed, message);
        }
    }
}

/// Whether a line is the kind of a Secret or SealedSecret.
fn has_secret(text: &str) -> bool {
    text.lines().any(|line| {
        let words: String = line.chars().filter(|c| !c.is_whitespace() && *c != '"').collect();
        words.contains("kind:Secret") || words.contains("kind:SealedSecret")
    })
}

fn templated(checked: &mut Checked<'_>, manifest: &Manifest<'_>, bits: Option<usize>) {
    for place in manifest.sealed_secrets() {
        match manifest.items(&place) {
            Ok(items) => {
                for found in items {
                    item(checked, &found.key, Some(&found.value), found.line, bits);
                }
            }
            // A chart may compute the whole mapping, and anchors are valid.
            Err(error)
                if matches!(
                    error.problem,
                    Problem::NoMapping { .. } | Problem::Shared { .. } | Problem::Alias { .. }
                ) => {}
            Err(error) => {
                let line = error.line.unwrap_or(place.line);
                checked.add(line, "", Rule::Malformed, error.to_string());
            }
        }
    }
}

fn object(checked: &mut Checked<'_>, node: &Node, bits: Option<usize>) {
    let text = |key| node.get(key).and_then(Node::as_str);
    match (text("kind"), node.get("items").map(|items| &items.value)) {
        (Some("SealedSecret"), _) => sealed_secret(checked, node, bits),
        (Some("Secret"), _) if text("apiVersion") == Some("v1") => secret(checked, node),
        (Some("List" | "SealedSecretList" | "SecretList"), Some(Value::List(items))) => {
            items.iter().for_each(|item| object(checked, item, bits));
        }
        _ => {}
    }
}

/// Reports each value of a Secret, without it. Actions of Helm compute a value, so they do not count.
fn secret(checked: &mut Checked<'_>, node: &Node) {
    for field in ["data", "stringData"] {
        let entries = node.get(field).and_then(Node::entries).unwrap_or_default();
        for (key, value) in entries {
            let is_value = |text: &str| !text.trim().is_empty() && !text.contains("{{");
            if value.source_text().is_some_and(is_value) {
                let key = key.as_str();
                let message = format!("the value of `{}` is not sealed", key.escape_debug());
                checked.add(value.line, key, Rule::PlainSecret, message);
            }
        }
    }
}

fn sealed_secret(checked: &mut Checked<'_>, node: &Node, bits: Option<usize>) {
    let own = Metadata::of(node.get("metadata"));
    if own.name.is_none() {
        let message = "the SealedSecret has no name".to_owned();
        checked.add(node.line, "", Rule::NoName, message);
    }
    metadata(checked, node, &own);
    let spec = node.get("spec");
    let field = |key| spec.and_then(|spec| spec.get(key));
    let items = field("encryptedData").and_then(Node::entries).unwrap_or_default();
    for (key, value) in items {
        item(checked, key.as_str(), value.as_str(), value.line, bits);
    }
    // The format before kubeseal 0.7: one item without a key.
    if let Some((data, text)) = field("data").and_then(|data| Some((data, data.as_str()?))) {
        item(checked, "data", Some(text), data.line, bits);
    }
}

/// Checks the annotations of the scope, and the template against the object.
fn metadata(checked: &mut Checked<'_>, node: &Node, own: &Metadata) {
    scope_annotations(checked, node.get("metadata"));
    let template = node.get("spec").and_then(|spec| spec.get("template")?.get("metadata"));
    if let Some(template) = template {
        compare(checked, template, own);
    }
}

/// The contradictions in the metadata of a SealedSecret.
pub(in crate::command) fn metadata_problems(node: &Node) -> Vec<String> {
    let mut checked = Checked::new("", "");
    metadata(&mut checked, node, &Metadata::of(node.get("metadata")));
    checked.findings.into_iter().map(|finding| finding.message).collect()
}

/// The part of the metadata that items are sealed for.
#[derive(Default)]
pub(in crate::command) struct Metadata {
    pub(in crate::command) name: Option<String>,
    pub(in crate::command) namespace: Option<String>,
    pub(in crate::command) scope: Scope,
}

impl Metadata {
    pub(in crate::command) fn of(node: Option<&Node>) -> Self {
        let text = |key| node?.get(key)?.source_text().map(str::to_owned);
        let annotations: BTreeMap<_, _> = scope_nodes(node)
            .filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned())))
            .collect();
        Self {
            name: text("name"),
            namespace: text("namespace"),
            scope: Scope::from_annotations(Some(&annotations)),
        }
    }
}

/// The annotations of the scope that the metadata has.
fn scope_nodes(metadata: Option<&Node>) -> impl Iterator<Item = (&'static str, &Node)> {
    let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
    [Scope::CLUSTER_WIDE_ANNOTATION, Scope::NAMESPACE_WIDE_ANNOTATION]
        .into_iter()
        .filter_map(move |key| Some((key, annotations?.get(key)?)))
}

fn scope_annotations(checked: &mut Checked<'_>, metadata: Option<&Node>) {
    let nodes: Vec<_> = scope_nodes(metadata).collect();
    for (key, node) in &nodes {
        if !matches!(node.as_str(), Some("true" | "false")) {
            let message = format!("`{key}` is not the string \"true\", so it has no effect");
            checked.add(node.line, key, Rule::Scope, message);
        }
    }
    if let [(first, _), (second, node)] = nodes.as_slice()
        && nodes.iter().all(|(_, node)| node.as_str() == Some("true"))
    {
        let message = format!("`{second}` has no effect beside `{first}`");
        checked.add(node.line, second, Rule::Scope, message);
    }
}

fn compare(checked: &mut Checked<'_>, node: &Node, own: &Metadata) {
    let template = Metadata::of(Some(node));
    let fields = [
        ("name", &template.name, &own.name, Rule::TemplateName),
        ("namespace", &template.namespace, &own.namespace, Rule::TemplateNamespace),
    ];
    for (field, theirs, own, rule) in fields {
        if let (Some(theirs), Some(own)) = (theirs, own)
            && theirs != own
        {
            let line = node.get(field).map_or(node.line, |node| node.line);
            let (theirs, own) = (theirs.escape_debug(), own.escape_debug());
            let message = format!(
                "the template has the {field} `{theirs}`, but the SealedSecret has `{own}`"
            );
            checked.add(line, field, rule, message);
        }
    }
    if let Some((key, value)) = scope_nodes(Some(node)).find(|(_, v)| v.as_str() == Some("true"))
        && template.scope != own.scope
    {
        let message = format!(
            "the template has the scope `{}`, but the SealedSecret has `{}`",
            template.scope, own.scope
        );
        checked.add(value.line, key, Rule::TemplateScope, message);
    }
}

fn item(
    checked: &mut Checked<'_>,
    key: &str,
    value: Option<&str>,
    line: usize,
    bits: Option<usize>,
) {
    let shown = key.escape_debug().to_string();
    if !sources::is_secret_key(key) {
        let message = format!("`{shown}` is not a valid key of a Secret");
        checked.add(line, key, Rule::InvalidKey, message);
    }
    let problem = match value {
        None => Some("it is not a string".to_owned()),
        Some(text) if text.contains("{{") => return,
        Some(text) => match Item::parse(text) {
            Ok(item) => return size(checked, key, &item, line, bits),
            // The byte may be a part of a value that was never sealed.
            Err(Malformed::NotBase64 { at, .. }) => {
                Some(format!("it is not standard base64, at byte {at}"))
            }
            Err(error) => Some(error.to_string()),
        },
    };
    if let Some(problem) = problem {
        checked.add(line, key, Rule::DamagedItem, format!("`{shown}`: {problem}"));
    }
}

fn size(checked: &mut Checked<'_>, key: &str, item: &Item, line: usize, bits: Option<usize>) {
    let found = item.modulus_bits();
    if let Some(bits) = bits.filter(|bits| *bits != found) {
        let key_shown = key.escape_debug();
        let message = format!(
            "`{key_shown}`: it was sealed for an RSA key of {found} bits, but the certificate has {bits}"
        );
        checked.add(line, key, Rule::KeySize, message);
    }
}

#[cfg(test)]
mod tests;
