//! A flat JSON or YAML object: every key is a key of the Secret, every value a string.
//!
//! Numbers, booleans and plain scalars keep their source text: `1.50` stays `1.50`, `yes` stays
//! `yes`. Null, lists and objects are refused: what they would mean is a guess.

use sealing::Plaintext;

use super::node::{Node, Plain, Value, plain};
use super::{At, Entry, Problem};
use crate::names;

/// The values of the object, in the order of the source.
pub(crate) fn entries(root: &Node) -> Result<Vec<Entry>, At<FlatProblem>> {
    let Some(entries) = root.entries() else {
        return Err(At::line(root.line, FlatProblem::NotAnObject));
    };
    entries.iter().map(|(key, node)| entry(key, node)).collect()
}

/// Why an object is not flat values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum FlatProblem {
    /// A list, or a lone value.
    #[error("the input is not an object of keys and values")]
    NotAnObject,
    /// More than one document.
    #[error("more than one document")]
    SeveralDocuments,
    /// No key of a Secret.
    #[error("`{0}` is not a valid key")]
    BadKey(String),
    /// A value that is no string.
    #[error("`{key}` is {found}, and a Secret holds strings")]
    NotAString {
        /// The key.
        key: String,
        /// What it is.
        found: &'static str,
    },
}

impl Problem for FlatProblem {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotAnObject => "write `key: value` lines, or `{\"key\": \"value\"}`",
            Self::SeveralDocuments => "flat values make one Secret; seal the documents one by one",
            Self::BadKey(_) => "a key has up to 253 letters, digits, `-`, `_` and `.`",
            Self::NotAString { found: "null", .. } => {
                "write \"\" for an empty value, or remove the key"
            }
            Self::NotAString { found: "tagged", .. } => "write the value in quotes, without a tag",
            Self::NotAString { .. } => "put the text that the app expects, such as JSON, in quotes",
        };
        vec![hint.to_owned()]
    }
}

fn entry(key: &str, node: &Node) -> Result<Entry, At<FlatProblem>> {
    if !names::is_secret_key(key) {
        return Err(At::line(node.line, FlatProblem::BadKey(shorten(key))));
    }
    let refuse =
        |found| Err(At::line(node.line, FlatProblem::NotAString { key: key.to_owned(), found }));
    let text = match &node.value {
        Value::Plain(text) if plain(text) == Plain::Null => return refuse("null"),
        Value::Text(text) | Value::Plain(text) => text,
        Value::List(_) => return refuse("a list"),
        Value::Map(_) => return refuse("an object"),
        Value::Tagged => return refuse("tagged"),
    };
    Ok(Entry {
        key: key.to_owned(),
        value: Plaintext::new(text.as_bytes().to_vec()),
        line: node.line,
    })
}

/// A bad key as an error may show it: on one line, and not endless.
pub(crate) fn shorten(key: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = key.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if key.chars().count() > SHOWN { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::super::{json, yaml};
    use super::*;

    type Found = Result<Vec<(String, String)>, (Option<usize>, FlatProblem)>;

    fn of(nodes: &[Node]) -> Found {
        let value = |entry: &Entry| String::from_utf8(entry.value.expose().to_vec()).unwrap();
        entries(&nodes[0])
            .map(|entries| entries.iter().map(|e| (e.key.clone(), value(e))).collect())
            .map_err(|at| (at.line, at.problem))
    }

    fn of_yaml(text: &str) -> Found {
        of(&yaml::parse(text).ok().unwrap())
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
            assert_eq!(of_yaml(&format!("A: {text}\n")).unwrap()[0].1, text);
        }
        assert_eq!(of_yaml("A: ''\nB: '~'\n").unwrap()[1].1, "~");
    }

    #[test]
    fn json_scalars_keep_their_source_text() {
        for text in ["1.50", "-0", "1e3", "123456789012345678901234567890", "true"] {
            let nodes = json::parse(&format!("{{\"A\": {text}}}")).ok().unwrap();
            assert_eq!(of(&nodes).unwrap()[0].1, text);
        }
    }

    #[test]
    fn null_lists_and_objects_are_refused_by_key_and_line() {
        for (text, found) in [
            ("null", "null"),
            ("~", "null"),
            ("", "null"),
            ("[1]", "a list"),
            ("{b: 1}", "an object"),
            ("!x 1", "tagged"),
            ("!!binary aGk=", "tagged"),
        ] {
            let expected = FlatProblem::NotAString { key: "A".to_owned(), found };
            assert_eq!(of_yaml(&format!("B: 1\nA: {text}\n")), Err((Some(2), expected)), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["- a\n", "hello\n", "'x'\n"] {
            assert_eq!(of_yaml(text).unwrap_err().1, FlatProblem::NotAnObject);
        }
    }

    #[test]
    fn a_bad_key_is_shown_on_one_short_line() {
        assert_eq!(of_yaml("\"a\\nb\": 1").unwrap_err().1, FlatProblem::BadKey("a\\nb".to_owned()));
        assert_eq!(shorten(&"x".repeat(100)).chars().count(), 61);
    }
}
