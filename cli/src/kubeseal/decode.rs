//! Values as Go decodes them: base64, and scalars where a string is required.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value as Json;
use sources::{Node, SecretBytes, Value};
use zeroize::Zeroizing;

/// As `base64.StdEncoding`, which accepts any bits after the last byte.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Decodes standard base64 with padding, without line ends. The error is the first bad byte, as Go
/// counts.
pub(super) fn base64(text: &str) -> Result<SecretBytes, usize> {
    let folded = Zeroizing::new(text.replace(['\r', '\n'], ""));
    GO.decode(folded.as_bytes()).map(SecretBytes::new).map_err(|_| first_bad_byte(text.as_bytes()))
}

/// Where `encoding/base64` of Go stops.
fn first_bad_byte(text: &[u8]) -> usize {
    let mut digits = 0;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\r' | b'\n' => {}
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => digits += 1,
            // Padding belongs after two or three digits, and nothing follows it.
            b'=' if digits % 4 >= 2 => {
                let rest = &text[at + 1..];
                let blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
                let next = rest.iter().position(|byte| !blank(byte));
                return match (digits % 4, next) {
                    (2, None) => text.len(),
                    (2, Some(next)) if rest[next] != b'=' => at + next,
                    (2, Some(next)) => {
                        let after = &rest[next + 1..];
                        let trailing = after.iter().position(|byte| !blank(byte));
                        trailing.map_or(at, |trailing| at + next + 2 + trailing)
                    }
                    (_, next) => next.map_or(at, |next| at + 1 + next),
                };
            }
            _ => return at,
        }
        at += 1;
    }
    text.len() - digits % 4
}

/// A string, or an unquoted scalar that reads as the same text everywhere: `8080` and `true`, but not
/// `0123`, `1.50` or `yes`. Null is the empty string.
pub(super) fn text(node: &Node) -> Option<&str> {
    if let Some(text) = node.as_str() {
        return Some(text);
    }
    if node.is_null() {
        return Some("");
    }
    let text = node.source_text()?;
    let is_same = match node.to_json() {
        Json::Bool(value) => value.to_string() == text,
        Json::Number(_) => is_canonical(text),
        _ => false,
    };
    is_same.then_some(text)
}

fn is_canonical(text: &str) -> bool {
    const MAX_DIGITS: usize = 15;
    text.len() <= MAX_DIGITS
        && (text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
            || text.parse::<f64>().is_ok_and(|number| number.to_string() == text))
}

/// The document as JSON, with its numbers.
pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Plain(text) => match node.to_json() {
            Json::Number(_) => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string()))
            }
            other => other,
        },
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, node)| (key.as_str().to_owned(), json(node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Text(_) | Value::Tagged => node.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Go 1.26.
    #[test]
    fn bad_byte_of_base64_is_the_one_that_go_reports() {
        for (text, at) in [
            ("hunter2!", 7),
            ("a", 0),
            ("abc", 0),
            ("ab", 0),
            ("abcde", 4),
            ("=", 0),
            ("a=", 1),
            ("ab=", 3),
            ("ab=x", 2),
            ("ab==x", 4),
            ("abc=x", 4),
            ("ab c", 2),
            ("-_-_", 0),
            ("ab=\nx", 3),
        ] {
            assert_eq!(base64(text).err(), Some(at), "{text}");
        }
        assert_eq!(base64("aGk=").ok().unwrap().expose(), b"hi");
        assert_eq!(base64("aG\r\nk=\n").ok().unwrap().expose(), b"hi");
        assert_eq!(base64("ab==").ok().unwrap().expose(), [0x69]);
        assert_eq!(base64("").ok().unwrap().expose(), b"");
    }

    #[test]
    fn unquoted_scalars_are_strings_only_if_every_reader_agrees() {
        let of = |yaml: &str| {
            let documents = sources::parse_yaml(yaml).ok().unwrap();
            documents[0].entries().unwrap()[0].1.clone()
        };
        for word in ["8080", "-1", "true", "1.5", "word", "2001-01-01"] {
            assert_eq!(text(&of(&format!("a: {word}"))), Some(word), "{word}");
        }
        for word in ["yes", "0123", "1.50", "0x1F", "1_000", "1e3", "12345678901234567890", "[]"] {
            assert_eq!(text(&of(&format!("a: {word}"))), None, "{word}");
        }
        assert_eq!(text(&of("a: ''")), Some(""));
        assert_eq!(text(&of("a: null")), Some(""));
        assert_eq!(
            json(&of("a: {n: 3, t: 0x1F, l: [~, 1.5]}")).to_string(),
            r#"{"l":[null,1.5],"n":3,"t":"0x1F"}"#
        );
    }
}
