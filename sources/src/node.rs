//! A document tree that keeps the source text of every scalar, and the lines.
//!
//! Both YAML and JSON are read into it. A typed reader would turn `1.50` into `1.5` and `yes` into
//! `true`, but a secret must come out as it was typed.

use serde_json::Value as Json;
use zeroize::Zeroizing;

/// A value and the line it starts on.
#[derive(Clone)]
pub struct Node {
    /// The line, counted from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// The value of a node.
#[derive(Clone)]
pub enum Value {
    /// A string: quoted, a block scalar, or tagged `!!str`.
    Text(Zeroizing<String>),
    /// An unquoted scalar, or a JSON number, boolean or null, as its source text.
    Plain(Zeroizing<String>),
    /// A list.
    List(Vec<Node>),
    /// An object without duplicate keys, in the order of the source.
    Map(Vec<(String, Node)>),
    /// A node with an unknown YAML tag.
    Tagged,
}

/// The type that Kubernetes gives a plain scalar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Plain {
    /// `null`, `~` or empty.
    Null,
    /// A boolean, `yes` and `off` included.
    Bool(bool),
    /// A number, `0x1F` and `1_000` included.
    Number,
    /// A string.
    Text,
}

impl Node {
    /// The value of a key of this object. Null counts as missing.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, node)| node)
            .filter(|n| !n.is_null())
    }

    /// The entries, if this is an object.
    pub fn entries(&self) -> Option<&[(String, Self)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if Kubernetes reads this as a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Plain(text) if plain(text) == Plain::Text => Some(text),
            _ => None,
        }
    }

    /// The source text of a scalar, even if Kubernetes would read a boolean or number: a name may be
    /// `on`.
    pub fn source_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Plain(text) if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// The boolean, if Kubernetes reads this as one.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match &self.value {
            Value::Plain(text) => match plain(text) {
                Plain::Bool(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether Kubernetes reads this as null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if plain(text) == Plain::Null)
    }

    /// The JSON that Kubernetes reads. Numbers become 0, because no field that callers read has one.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Text(text) => Json::String(text.to_string()),
            Value::Plain(text) => match plain(text) {
                Plain::Null => Json::Null,
                Plain::Bool(value) => Json::Bool(value),
                Plain::Number => Json::Number(0.into()),
                Plain::Text => Json::String(text.to_string()),
            },
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|(k, n)| (k.clone(), n.to_json())).collect())
            }
            Value::Tagged => Json::Null,
        }
    }

    /// The number of nodes in this tree.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
            Value::Text(_) | Value::Plain(_) | Value::Tagged => 0,
        }
    }
}

/// Returns the type that `sigs.k8s.io/yaml` gives a plain scalar. `kubectl` and the API server use it. It
/// follows go-yaml v2, a mixture of YAML 1.1 and 1.2, where dates stay strings.
pub(crate) fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Plain::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Plain::Bool(false)
        }
        _ if is_number(text) => Plain::Number,
        _ => Plain::Text,
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let digits = unsigned.replace('_', "");
    if digits.is_empty() || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let has_base = |rest: &str, base| !rest.is_empty() && rest.chars().all(|c| c.is_digit(base));
    match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => has_base(&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => has_base(&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => has_base(&digits[2..], 2),
        // Without words such as `inf`, Rust parses the same floats as Go's ParseFloat.
        _ => {
            digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
                && digits.parse::<f64>().is_ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_that_kubernetes_reads() {
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(plain(text), Plain::Null, "{text}");
        }
        for text in ["yes", "y", "On", "TRUE"] {
            assert_eq!(plain(text), Plain::Bool(true), "{text}");
        }
        for text in [
            "0",
            "-1",
            "1.50",
            "1e3",
            "0x1F",
            "0o17",
            "0123",
            "1_000",
            ".5",
            "-.inf",
            ".nan",
            "99999999999999999999",
        ] {
            assert_eq!(plain(text), Plain::Number, "{text}");
        }
        for text in [
            "a",
            "1.2.3",
            "12:30",
            "2001-01-01",
            "0xZZ",
            "e3",
            "-",
            "+",
            ".",
            "1e",
            "=",
            "inf",
            "nan",
            "_1",
            "nil",
            "tRuE",
        ] {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
    }
}
