//! How keys and values are written.

use crate::tree::Style;

/// The longest part of a key that an error shows.
const MAX_SHOWN_CHARS: usize = 60;

/// A key as errors show it: on one line, and not too long.
pub(crate) fn shown(key: &str) -> String {
    key.chars().take(MAX_SHOWN_CHARS).flat_map(char::escape_debug).collect()
}

/// The text in this style. Text that YAML 1.1 or 1.2 would not read as a string without quotes gets
/// quotes.
pub(crate) fn write(text: &str, style: Style) -> String {
    match style {
        Style::Single => format!("'{text}'"),
        Style::Double => format!("\"{text}\""),
        _ if is_plain(text) => text.to_owned(),
        _ => format!("\"{text}\""),
    }
}

/// Whether every reader of YAML takes the text for a string. Keys of Secrets and base64 contain no other
/// characters than these.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let start = match chars.next() {
        Some('.') => chars.next(),
        start => start,
    };
    start.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/=".contains(c))
        && sources::is_string(text)
}

/// Whether the text can be written in every style: it needs no escape.
pub(crate) fn needs_no_escape(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/=".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_yaml_reads_otherwise_are_quoted() {
        for plain in ["A", "tls.crt", ".dockerconfigjson", "_x", "AgA+/=="] {
            assert_eq!(write(plain, Style::Plain), plain);
        }
        for quoted in
            ["y", "NO", "null", "0123", "1e3", ".5", ".inf", "-", "-a", "2001-01-01", "..a"]
        {
            assert_eq!(write(quoted, Style::Plain), format!("\"{quoted}\""));
        }
        assert_eq!(
            (write("a", Style::Single), write("a", Style::Double)),
            ("'a'".into(), "\"a\"".into())
        );
    }
}
