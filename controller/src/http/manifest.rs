//! The SealedSecret in a request: JSON or YAML that any client may send.

use crds::SealedSecret;
use serde::Deserialize as _;
use serde_json::Value;

/// Characters that begin or separate values. So it limits the number of values in JSON, which take more
/// memory than their text. A Secret of 1 MiB has far fewer.
const MAX_SEPARATORS: usize = 200_000;
/// The same for YAML.
const MAX_YAML_NODES: usize = 100_000;

/// A SealedSecret, and all fields that the client sent.
pub(super) struct Manifest {
    pub(super) fields: Value,
    pub(super) object: SealedSecret,
}

/// Whether a text may have more than one document of YAML.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Documents {
    One,
    /// Further ones are ignored.
    First,
}

impl Manifest {
    /// None if the text is not a SealedSecret.
    pub(super) fn parse(text: &[u8], documents: Documents) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let fields = if text.trim_ascii_start().starts_with('{') {
            json(text, documents)?
        } else {
            yaml(first_document(text, documents)?)?
        };
        let group = fields["apiVersion"].as_str()?.strip_suffix("/v1alpha1")?;
        if group != "bitnami.com" || fields["kind"] != "SealedSecret" || !fields["spec"].is_object()
        {
            return None;
        }
        let object = SealedSecret::deserialize(&fields).ok()?;
        Some(Self { fields, object })
    }
}

fn json(text: &str, documents: Documents) -> Option<Value> {
    let separators = text.bytes().filter(|byte| b",:[{".contains(byte));
    if separators.count() > MAX_SEPARATORS {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let first = values.next()?.ok()?;
    (documents == Documents::First || values.next().is_none()).then_some(first)
}

/// Aliases are refused: a short text could stand for a large object.
fn yaml(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_YAML_NODES,
            max_events: 3 * MAX_YAML_NODES,
            max_aliases: 0,
            max_anchors: 0,
            max_documents: 1,
        },
        // Otherwise a namespace could not be called `n`.
        strict_booleans: true,
    };
    serde_saphyr::from_str_with_options(text, options).ok()
}

/// The first document of YAML, without the marker in front of it.
fn first_document(text: &str, documents: Documents) -> Option<&str> {
    let is_marker = |line: &str| line.trim_ascii_end() == "---" || line.starts_with("--- ");
    let (mut start, mut end, mut has_content) = (0, text.len(), false);
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        let after = position + line.len();
        if is_marker(line) {
            if has_content {
                end = position;
                break;
            }
            start = after;
        } else if !is_blank(line) {
            has_content = true;
        }
        position = after;
    }
    let is_alone = text[end..].lines().all(|line| is_marker(line) || is_blank(line));
    (documents == Documents::First || is_alone).then(|| &text[start..end])
}

fn is_blank(line: &str) -> bool {
    let line = line.trim_ascii_start();
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n\
                        metadata: { name: s, namespace: n }\nspec:\n  encryptedData:\n    A: >-\n      AgB\n      CD\n";

    fn name(text: &str, documents: Documents) -> Option<String> {
        Manifest::parse(text.as_bytes(), documents)?.object.metadata.name
    }

    fn one(text: &str) -> Option<String> {
        name(text, Documents::One)
    }

    #[test]
    fn json_and_yaml_are_read() {
        let json = r#" {"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret",
            "metadata":{"name":"s"},"spec":{"encryptedData":null}}"#;
        assert_eq!(one(json).as_deref(), Some("s"));
        assert_eq!(one(YAML).as_deref(), Some("s"));
        assert_eq!(one(&format!("# comment\n---\n{YAML}---\n\n")).as_deref(), Some("s"));
        let item = Manifest::parse(YAML.as_bytes(), Documents::One).unwrap().object;
        assert_eq!(item.spec.encrypted_data["A"], "AgB CD");
    }

    #[test]
    fn further_documents_are_refused_or_ignored() {
        let two = format!("---\n{YAML}--- # second\n{}", YAML.replace("name: s", "name: t"));
        assert_eq!(one(&two), None);
        assert_eq!(name(&two, Documents::First).as_deref(), Some("s"));
        let json = r#"{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret",
            "metadata":{"name":"s"},"spec":{}}"#;
        assert_eq!(one(&format!("{json} {json}")), None);
        assert_eq!(name(&format!("{json} {json}"), Documents::First).as_deref(), Some("s"));
    }

    #[test]
    fn other_texts_are_no_sealed_secrets() {
        let with = |from: &str, to: &str| YAML.replace(from, to);
        for text in [
            String::new(),
            "{}".into(),
            "[]".into(),
            "{".into(),
            "text".into(),
            with("bitnami.com/v1alpha1", "bitnami.com/v2"),
            with("bitnami.com/v1alpha1", "v1"),
            with("SealedSecret", "Secret"),
            with("SealedSecret", "SealedSecretList"),
            with("kind: SealedSecret\n", ""),
            with("spec:", "other:"),
            with("name: s,", "name: [s],"),
            with("  encryptedData:", "  encryptedData: &a"),
        ] {
            assert_eq!(one(&text), None, "{text}");
        }
        assert!(Manifest::parse(b"\xff", Documents::One).is_none());
    }

    /// 10 MiB of small values would take 160 MiB of memory, and aliases any amount.
    #[test]
    fn values_are_limited_in_number() {
        let many = "0,".repeat(150_000);
        let json = format!(
            r#"{{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","metadata":{{"name":"s"}},
            "spec":{{"encryptedData":{{"A":[{many}0]}}}}}}"#
        );
        assert_eq!(one(&json).as_deref(), Some("s"));
        assert_eq!(one(&json.replace("0,", "0,0,")), None);
        let yaml = |items: usize| format!("{YAML}  other: [{}0]\n", "0,".repeat(items));
        assert_eq!(one(&yaml(90_000)).as_deref(), Some("s"));
        assert_eq!(one(&yaml(110_000)), None);
        let deep = format!("{YAML}  other: {}", "[".repeat(100_000));
        assert_eq!(one(&deep), None);
        let deep = format!("{}{}", r#"{"a":"#.repeat(60_000), "}".repeat(60_000));
        assert_eq!(one(&deep), None);
    }
}
