//! The text in the editor: dotenv, as `mtk-seal` reads it, with two additions. A value without quotes
//! that starts with `base64:` is binary, and a blank stands for a value that is not shown.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sources::{Entry, Input, SecretBytes};
use zeroize::Zeroizing;

use crate::{command::items::error::ItemsError, error::Failure};

/// The name of the text in errors.
const NAME: &str = "edited text";
/// Starts a binary value.
const BINARY: &str = "base64:";
/// Starts a line with an error.
const ERROR: &str = "# error: ";

/// An item in the text.
pub(super) struct Shown {
    pub(super) key: String,
    /// None for a blank.
    pub(super) value: Option<SecretBytes>,
}

/// A change by the user.
pub(super) enum Edited {
    Set { key: String, value: SecretBytes, is_new: bool },
    Remove { key: String },
}

/// The text for the editor.
pub(super) fn write(file: &str, shown: &[Shown]) -> Zeroizing<String> {
    let size =
        shown.iter().map(|item| item.key.len() + item.value.as_ref().map_or(0, SecretBytes::len));
    // Growing would leave copies behind that are not wiped. An escape or base64 doubles a value at most.
    let mut text =
        Zeroizing::new(String::with_capacity(2000 + shown.len() * 20 + size.sum::<usize>() * 2));
    text.push_str("# Items of ");
    text.extend(file.chars().flat_map(char::escape_debug));
    text.push_str(
        "\n# KEY='value' lines: change, add or remove them. Remove everything to change nothing.\n",
    );
    text.push_str("# In double quotes, \\n \\r \\t \\\\ \\\" \\$ are escapes. KEY=base64:… without quotes is binary.\n");
    if shown.iter().any(|item| item.value.is_none()) {
        text.push_str(
            "# A value that stays blank keeps its ciphertext. KEY='' is an empty value.\n",
        );
    }
    text.push('\n');
    for Shown { key, value } in shown {
        text.push_str(key);
        match value {
            // With a blank before it, `KEY =` is never taken for base64.
            None => text.push_str(" ="),
            Some(value) => {
                text.push('=');
                push_value(&mut text, value.expose());
            }
        }
        text.push('\n');
    }
    text
}

fn push_value(text: &mut String, value: &[u8]) {
    match std::str::from_utf8(value) {
        Ok(value) if value.chars().all(is_text) => push_text(text, value),
        _ => {
            text.push_str(BINARY);
            BASE64_STANDARD.encode_string(value, text);
        }
    }
}

/// Whether an editor keeps the character. A byte-order mark or a control character may get lost.
fn is_text(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t')
        || !(c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}'))
}

fn push_text(text: &mut String, value: &str) {
    if !value.contains(['\'', '\r', '\t']) {
        text.push('\'');
        text.push_str(value);
        text.push('\'');
        return;
    }
    text.push('"');
    for c in value.chars() {
        match c {
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// The differences between the text and the items that were shown. A text without an assignment
/// changes nothing.
pub(super) fn read(text: &str, shown: &[Shown]) -> Result<Vec<Edited>, Failure> {
    let entries = sources::dotenv_entries(Input { name: NAME, file_name: None, text })?;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let known: BTreeMap<&str, &Shown> =
        shown.iter().map(|item| (item.key.as_str(), item)).collect();
    let keys: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut edited = Vec::new();
    for entry in entries {
        let unquoted = is_unquoted(lines.get(entry.line - 1).copied().unwrap_or_default());
        let was = known.get(entry.key.as_str());
        let is_blank = unquoted && entry.value.is_empty();
        if is_blank && was.is_some_and(|was| was.value.is_none()) {
            continue;
        }
        let Entry { key, value, line } = entry;
        let value = if unquoted { decode(value, line)? } else { value };
        let old = was.and_then(|was| was.value.as_ref());
        if old.is_none_or(|old| old.expose() != value.expose()) {
            edited.push(Edited::Set { key, value, is_new: was.is_none() });
        }
    }
    let removed = shown.iter().filter(|item| !keys.contains(&item.key));
    edited.extend(removed.map(|item| Edited::Remove { key: item.key.clone() }));
    Ok(edited)
}

fn is_unquoted(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, value)| value);
    !value.trim_start_matches([' ', '\t']).starts_with(['\'', '"'])
}

fn decode(value: SecretBytes, line: usize) -> Result<SecretBytes, ItemsError> {
    match value.expose().strip_prefix(BINARY.as_bytes()) {
        None => Ok(value),
        Some(encoded) => BASE64_STANDARD
            .decode(encoded)
            .map(SecretBytes::new)
            .map_err(|_| ItemsError::Base64 { place: format!("{NAME}:{line}") }),
    }
}

/// The text with an error in its first line. The numbers of the other lines stay.
pub(super) fn with_error(text: &str, failure: &Failure) -> Zeroizing<String> {
    let hints: usize = failure.hints.iter().map(|hint| hint.len() + 2).sum();
    let capacity = text.len() + ERROR.len() + failure.cause.len() + hints + 1;
    let mut changed = Zeroizing::new(String::with_capacity(capacity));
    // Writing to a String cannot fail.
    let _ = write!(changed, "{ERROR}{}", failure.cause);
    for hint in &failure.hints {
        let _ = write!(changed, "; {hint}");
    }
    changed.push('\n');
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    changed.push_str(if first.starts_with('#') { rest } else { text });
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[(&str, Option<&[u8]>)]) -> Vec<Shown> {
        let item = |(key, value): &(&str, Option<&[u8]>)| Shown {
            key: (*key).to_owned(),
            value: value.map(|value| SecretBytes::new(value.to_vec())),
        };
        values.iter().map(item).collect()
    }

    /// `+KEY=value`, `~KEY=value` or `-KEY`
    fn edits(text: &str, shown: &[Shown]) -> Vec<String> {
        let edited = read(text, shown).map_err(|failure| failure.cause).unwrap();
        let describe = |change: &Edited| match change {
            Edited::Remove { key } => format!("-{key}"),
            Edited::Set { key, value, is_new } => {
                let sign = if *is_new { '+' } else { '~' };
                format!("{sign}{key}={}", value.expose().escape_ascii())
            }
        };
        edited.iter().map(describe).collect()
    }

    #[test]
    fn every_value_survives_byte_for_byte() {
        for value in [
            &b""[..],
            b"plain",
            b"it's \"quoted\" \\ $x",
            b"two\nlines\n",
            b"crlf\r\nand\rcr\n",
            b"tab\tand # hash",
            b" blanks ",
            b"base64:AAAA",
            b"\x00\xff\xfe",
            b"\x1b[31m",
            b"-----BEGIN KEY-----\nAAAA==\n-----END KEY-----\n",
            "é\u{feff}\u{2028}".as_bytes(),
        ] {
            // As a new item, each value shows whether it has arrived.
            let text = write("f", &shown(&[("KEY", Some(value))]));
            let expected = format!("+KEY={}", value.escape_ascii());
            assert_eq!(edits(&text, &[]), [expected], "{}", *text);
            assert!(edits(&text, &shown(&[("KEY", Some(value))])).is_empty(), "{}", *text);
            assert!(edits(&text.replace('\n', "\r\n"), &shown(&[("KEY", Some(value))])).is_empty());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_survives(value: Vec<u8>, text in "\\PC*[\\r\\n\\t'\"\\\\$#=]*\\PC*") {
            for value in [value.as_slice(), text.as_bytes()] {
                let items = shown(&[("A", Some(value)), ("B", Some(value))]);
                proptest::prop_assert!(edits(&write("f", &items), &items).is_empty());
            }
        }
    }

    #[test]
    fn blank_keeps_the_ciphertext_and_quotes_are_an_empty_value() {
        let items = shown(&[("A", None), ("B", None), ("C", None), ("ABCD==", None)]);
        let text = write("f", &items[..3]);
        assert!(edits(&text, &items[..3]).is_empty());
        let text = "A =\nB = new\nC=''\nD=\n";
        assert_eq!(edits(text, &items[..3]), ["~B=new", "~C=", "+D="]);
        // A value that was shown has no blank.
        assert_eq!(edits("A=\n", &shown(&[("A", Some(b"x"))])), ["~A="]);
    }

    #[test]
    fn missing_line_removes_the_item_and_an_empty_text_changes_nothing() {
        let items = shown(&[("A", Some(b"1")), ("B", None)]);
        assert_eq!(edits("A='1'\n", &items), ["-B"]);
        assert!(edits("", &items).is_empty());
        assert!(edits("# nothing\n\n", &items).is_empty());
    }

    #[test]
    fn error_replaces_the_first_comment_and_names_no_value() {
        let failure = |text: &str| read(text, &[]).err().unwrap();
        let text = "# Items\nA=base64:hunter2!\n";
        let error = failure(text);
        assert_eq!(error.cause, "edited text:2: `base64:` is not followed by base64");
        let again = with_error(text, &error);
        assert!(again.starts_with("# error: edited text:2: "), "{}", *again);
        assert!(again.ends_with("\nA=base64:hunter2!\n") && again.lines().count() == 2);
        assert_eq!(failure(&again).cause, error.cause);
        assert_eq!(with_error("x", &failure("x")).lines().nth(1), Some("x"));
    }
}
