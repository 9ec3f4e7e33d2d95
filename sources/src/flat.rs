//! A flat JSON or YAML object: every key is a key of the Secret, every value a string.
//!
//! Numbers, booleans and plain scalars keep their source text: `1.50` stays `1.50`, `yes` stays
//! `yes`. Null, lists and objects are errors, because their meaning would be a guess.

use std::fmt;

use crate::{
    entry::Entry,
    key::{KEY_RULE, is_secret_key, shorten},
    located::Located,
    node::{Node, Plain, Value, plain},
    secret_bytes::SecretBytes,
};

/// The values of the object, in the order of the source.
pub(crate) fn entries(root: &Node) -> Result<Vec<Entry>, Located<FlatProblem>> {
    let Some(entries) = root.entries() else {
        return Err(Located::at_line(root.line, FlatProblem::NotAnObject));
    };
    entries.iter().map(|(key, node)| entry(key.as_str(), node)).collect()
}

/// Why an object is not flat values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlatProblem {
    /// A list or a scalar.
    #[error("the input is not an object of keys and values")]
    NotAnObject,
    /// More than one document.
    #[error("more than one document")]
    SeveralDocuments,
    /// A key that Kubernetes does not accept in a Secret.
    #[error("`{0}` is not a valid key")]
    BadKey(String),
    /// A value that is not a string.
    #[error("`{key}` is {found}, but a Secret can only contain strings")]
    NotAString {
        /// The key.
        key: String,
        /// Its type.
        found: ValueType,
    },
}

/// The type of a value that is not a string.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueType {
    /// Null.
    Null,
    /// A list.
    List,
    /// An object.
    Object,
    /// A value with a YAML tag.
    Tagged,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Tagged => "a value with a YAML tag",
        })
    }
}

impl FlatProblem {
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::NotAnObject => "write `key: value` lines, or `{\"key\": \"value\"}`",
            Self::SeveralDocuments => {
                "flat values make one Secret; seal each document in its own run"
            }
            Self::BadKey(_) => KEY_RULE,
            Self::NotAString { found: ValueType::Null, .. } => {
                "write \"\" for an empty value, or remove the key"
            }
            Self::NotAString { found: ValueType::Tagged, .. } => {
                "write the value in quotes, without a tag"
            }
            Self::NotAString { .. } => "put the text that the app expects, such as JSON, in quotes",
        }
    }
}

fn entry(key: &str, node: &Node) -> Result<Entry, Located<FlatProblem>> {
    if !is_secret_key(key) {
        return Err(Located::at_line(node.line, FlatProblem::BadKey(shorten(key))));
    }
    let reject = |found| {
        Err(Located::at_line(node.line, FlatProblem::NotAString { key: key.to_owned(), found }))
    };
    let text = match &node.value {
        Value::Plain(text) if plain(text) == Plain::Null => return reject(ValueType::Null),
        Value::Text(text) | Value::Plain(text) => text,
        Value::List(_) => return reject(ValueType::List),
        Value::Map(_) => return reject(ValueType::Object),
        Value::Tagged => return reject(ValueType::Tagged),
    };
    Ok(Entry {
        key: key.to_owned(),
        value: SecretBytes::new(text.as_bytes().to_vec()),
        line: node.line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{json, yaml};

    type Found = Result<Vec<(String, String)>, (Option<usize>, FlatProblem)>;

    fn from_nodes(nodes: &[Node]) -> Found {
        let value = |entry: &Entry| String::from_utf8(entry.value.expose().to_vec()).unwrap();
        entries(&nodes[0])
            .map(|entries| entries.iter().map(|e| (e.key.clone(), value(e))).collect())
            .map_err(|at| (at.line, at.problem))
    }

    fn from_yaml(text: &str) -> Found {
        from_nodes(&yaml::parse(text).ok().unwrap())
    }

    #[test]
    fn yaml_scalars_keep_their_source_text() {
        for text in [
            "1.50",
            "0123",
            "yes",
            "1e3",
            "123456789012345678901234567890",
            "0x1F",
            "1_000",
            "12:30",
            "2001-01-01",
            "tRuE",
            "a b",
        ] {
            assert_eq!(from_yaml(&format!("A: {text}\n")).unwrap()[0].1, text);
        }
        assert_eq!(from_yaml("A: ''\nB: '~'\n").unwrap()[1].1, "~");
    }

    #[test]
    fn json_scalars_keep_their_source_text() {
        for text in ["1.50", "-0", "1e3", "123456789012345678901234567890", "true"] {
            let nodes = json::parse(&format!("{{\"A\": {text}}}")).ok().unwrap();
            assert_eq!(from_nodes(&nodes).unwrap()[0].1, text);
        }
    }

    #[test]
    fn null_list_and_object_errors_name_key_and_line() {
        for (text, found) in [
            ("null", ValueType::Null),
            ("~", ValueType::Null),
            ("", ValueType::Null),
            ("[1]", ValueType::List),
            ("{b: 1}", ValueType::Object),
            ("!x 1", ValueType::Tagged),
            ("!!binary aGk=", ValueType::Tagged),
        ] {
            let expected = FlatProblem::NotAString { key: "A".to_owned(), found };
            assert_eq!(
                from_yaml(&format!("B: 1\nA: {text}\n")),
                Err((Some(2), expected)),
                "{text}"
            );
        }
    }

    #[test]
    fn lists_and_scalars_are_rejected() {
        for text in ["- a\n", "hello\n", "'x'\n"] {
            assert_eq!(from_yaml(text).unwrap_err().1, FlatProblem::NotAnObject);
        }
    }

    #[test]
    fn invalid_key_is_escaped() {
        assert_eq!(
            from_yaml("\"a\\nb\": 1").unwrap_err().1,
            FlatProblem::BadKey("a\\nb".to_owned())
        );
    }
}
