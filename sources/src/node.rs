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
    Map(Vec<(Key, Node)>),
    /// A node with an unknown YAML tag.
    Tagged,
}

/// A key of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Key {
    text: String,
    is_plain: bool,
}

impl Key {
    /// A key that is a string for every reader.
    pub(crate) fn text(text: String) -> Self {
        Self { text, is_plain: false }
    }

    /// An unquoted YAML key.
    pub(crate) fn plain(text: String) -> Self {
        Self { text, is_plain: true }
    }

    /// The source text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether Kubernetes reads another key: `y` is `true`, `0123` is `83`, and `~` is an error.
    pub(crate) fn is_read_otherwise(&self) -> bool {
        self.is_plain
            && match plain(&self.text) {
                Plain::Null => true,
                Plain::Bool(value) => self.text != value.to_string(),
                Plain::Number => {
                    self.text.parse::<i64>().map_or(true, |number| number.to_string() != self.text)
                }
                Plain::Text => false,
            }
    }
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
            .find(|(k, _)| k.as_str() == key)
            .map(|(_, node)| node)
            .filter(|n| !n.is_null())
    }

    /// The entries, if this is an object.
    pub fn entries(&self) -> Option<&[(Key, Self)]> {
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
                Json::Object(entries.iter().map(|(k, n)| (k.text.clone(), n.to_json())).collect())
            }
            Value::Tagged => Json::Null,
        }
    }

    /// The first key in this tree that Kubernetes reads otherwise, with its line.
    pub(crate) fn key_read_otherwise(&self) -> Option<(usize, &Key)> {
        match &self.value {
            Value::List(items) => items.iter().find_map(Self::key_read_otherwise),
            Value::Map(entries) => entries.iter().find_map(|(key, node)| {
                let found = key.is_read_otherwise().then_some((node.line, key));
                found.or_else(|| node.key_read_otherwise())
            }),
            Value::Text(_) | Value::Plain(_) | Value::Tagged => None,
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

/// Whether Kubernetes reads a plain scalar as a string.
pub fn is_string(text: &str) -> bool {
    plain(text) == Plain::Text
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
    match text.as_bytes().first() {
        Some(b'.') => is_float(text),
        Some(b'0'..=b'9' | b'-' | b'+') => {
            let digits = text.replace('_', "");
            is_integer(&digits) || is_float(&digits)
        }
        _ => false,
    }
}

/// As Go's `ParseInt` and `ParseUint` with base 0, for 64 bits.
fn is_integer(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (base, digits) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if !digits.chars().all(|c| c.is_digit(base)) {
        return false;
    }
    match text.as_bytes().first() {
        Some(b'-') => i64::from_str_radix(&format!("-{digits}"), base).is_ok(),
        Some(b'+') => i64::from_str_radix(digits, base).is_ok(),
        _ => u64::from_str_radix(digits, base).is_ok(),
    }
}

/// Without words such as `inf`, Rust parses the same floats as Go. Too large ones are strings.
fn is_float(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
        && text.parse().is_ok_and(f64::is_finite)
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
            "-_1",
            "0789",
            "-0b11",
            "+0X1f",
            "0xFFFFFFFFFFFFFFFF",
            "1.5_0",
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
            "._5",
            "1e400",
            "0xFFFFFFFFFFFFFFFF0",
            "0x+1",
            "0o8",
            "0x1p3",
            "nil",
            "tRuE",
        ] {
            assert_eq!(plain(text), Plain::Text, "{text}");
        }
    }

    /// Recorded from `sigs.k8s.io/yaml` 1.6.0.
    #[test]
    fn plain_keys_are_read_as_kubernetes_reads_them() {
        for same in
            ["a", "true", "false", "8080", "-1", "0", "2001-01-01", "12:30", "_1", "=", "1e400"]
        {
            assert!(!Key::plain(same.to_owned()).is_read_otherwise(), "{same}");
        }
        for other in [
            "y",
            "N",
            "yes",
            "on",
            "True",
            "0123",
            "0x1F",
            "1_000",
            "1e3",
            "1.50",
            "+1",
            "-0",
            "~",
            "null",
            "",
            "12345678901234567890",
            "3.14159265358979",
        ] {
            assert!(Key::plain(other.to_owned()).is_read_otherwise(), "{other}");
            assert!(!Key::text(other.to_owned()).is_read_otherwise(), "{other}");
        }
    }
}
