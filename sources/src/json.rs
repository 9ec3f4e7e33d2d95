//! JSON documents, one after another, as trees that keep the source's text and lines.

use std::{collections::HashMap, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    located::Located,
    node::{Key, Node, Value},
};

/// Deeper nesting than any Secret has.
const MAX_DEPTH: usize = 64;

/// The documents of a text: JSON values one after another.
pub(crate) fn parse(text: &str) -> Result<Vec<Node>, Located<JsonProblem>> {
    let reader = Reader { text, starts: line_starts(text) };
    serde_json::Deserializer::from_str(text)
        .into_iter::<&RawValue>()
        .map(|raw| {
            let raw =
                raw.map_err(|error| Located::at_line(error.line(), JsonProblem::syntax(&error)))?;
            reader.node(raw, 0)
        })
        .collect()
}

/// Why a text cannot be read as JSON.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonProblem {
    /// The text is not JSON. The message comes from the parser and quotes no part of the source.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// An object has a key twice.
    #[error("the key `{key}` is already on line {first}")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the first.
        first: usize,
    },
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

impl JsonProblem {
    fn syntax(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // The parser counts lines from the start of the part; `Located` has the line in the file.
        Self::Syntax(
            text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text).to_owned(),
        )
    }
}

impl JsonProblem {
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Duplicate { .. } => Some("remove one of the two"),
            Self::Syntax(_) | Self::TooDeep => None,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Located<JsonProblem>> {
        let line = self.line(raw.get());
        let at = |problem| Located::at_line(line, problem);
        if depth > MAX_DEPTH {
            return Err(at(JsonProblem::TooDeep));
        }
        let syntax = |error: serde_json::Error| {
            Located::at_line(line + error.line().saturating_sub(1), JsonProblem::syntax(&error))
        };
        let value = match raw.get().as_bytes().first() {
            Some(b'{') => {
                let Entries(entries) = serde_json::from_str(raw.get()).map_err(syntax)?;
                Value::Map(self.map(entries, depth)?)
            }
            Some(b'[') => {
                let items: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(syntax)?;
                Value::List(
                    items
                        .into_iter()
                        .map(|raw| self.node(raw, depth + 1))
                        .collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => {
                Value::Text(Zeroizing::new(serde_json::from_str(raw.get()).map_err(syntax)?))
            }
            _ => Value::Plain(Zeroizing::new(raw.get().to_owned())),
        };
        Ok(Node { line, value })
    }

    fn map(
        &self,
        entries: Vec<(String, &'a RawValue)>,
        depth: usize,
    ) -> Result<Vec<(Key, Node)>, Located<JsonProblem>> {
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut map = Vec::with_capacity(entries.len());
        for (key, raw) in entries {
            let node = self.node(raw, depth + 1)?;
            if let Some(first) = lines.insert(key.clone(), node.line) {
                return Err(Located::at_line(node.line, JsonProblem::Duplicate { key, first }));
            }
            map.push((Key::text(key), node));
        }
        Ok(map)
    }

    /// The line of a part of the text. Raw values borrow from the text, so addresses give offsets.
    fn line(&self, part: &str) -> usize {
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        self.starts.partition_point(|start| *start <= offset)
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The entries of an object in source order, duplicates included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (Option<usize>, JsonProblem) {
        let at = parse(text).err().unwrap();
        (at.line, at.problem)
    }

    #[test]
    fn numbers_keep_their_source_text_and_strings_are_unescaped() {
        let documents = parse(
            "{\"a\": 1.50, \"b\": 123456789012345678901234567890,\n \"c\": \"\\ud83d\\ude00\\n\"}",
        )
        .ok()
        .unwrap();
        let entries = documents[0].entries().unwrap();
        assert!(matches!(&entries[0].1.value, Value::Plain(text) if text.as_str() == "1.50"));
        assert!(
            matches!(&entries[1].1.value, Value::Plain(text) if text.as_str() == "123456789012345678901234567890")
        );
        assert!(matches!(&entries[2].1.value, Value::Text(text) if text.as_str() == "😀\n"));
        assert_eq!(entries[2].1.line, 2);
    }

    #[test]
    fn documents_follow_each_other() {
        assert_eq!(parse("{}\n{} {}").ok().unwrap().len(), 3);
    }

    #[test]
    fn duplicate_key_error_names_both_lines() {
        let duplicate = JsonProblem::Duplicate { key: "a".to_owned(), first: 2 };
        assert_eq!(problem("{\n\"a\": 1,\n\"b\": {\"a\": 1},\n\"a\": 2}"), (Some(4), duplicate));
    }

    #[test]
    fn syntax_error_names_line_without_value() {
        for text in [
            "{\n\"p\": hunter2}",
            "{\n\"p\": \"hunter2}",
            "{\n\"p\": \"hunter2\\x\"}",
            "{\n\"hunter2\\ud800\": 1}",
        ] {
            let (line, problem) = problem(text);
            assert_eq!(line, Some(2), "{text}");
            assert!(!problem.to_string().contains("hunter"), "{problem}");
        }
    }

    #[test]
    fn deep_nesting_is_rejected() {
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert_eq!(
            problem(&format!("{}{}", "[".repeat(100), "]".repeat(100))).1,
            JsonProblem::TooDeep
        );
    }
}
