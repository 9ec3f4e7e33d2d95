//! Keys of a Secret, made from names with arbitrary characters.

use std::fmt::Write as _;

use crds::external_secret::ConversionStrategy;

const MAX_KEY_BYTES: usize = 253;

/// Replaces the characters that a key cannot have.
pub(super) fn convert(strategy: ConversionStrategy, name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.chars() {
        match strategy {
            _ if is_allowed(c) => key.push(c),
            ConversionStrategy::Default => key.push('_'),
            ConversionStrategy::Unicode => {
                let _ = write!(key, "_U{:04x}_", u32::from(c));
            }
        }
    }
    key
}

/// The error in the name of a key, if any. Letters that are not ASCII pass, as with External Secrets. The
/// API server refuses them (x22).
pub(super) fn error(key: &str) -> Option<String> {
    if key.len() > MAX_KEY_BYTES {
        let start: String = key.chars().take(63).collect();
        return Some(format!(
            "the key `{start}…` has {} bytes, and {MAX_KEY_BYTES} are allowed",
            key.len()
        ));
    }
    let forbidden = key.chars().find(|c| !is_allowed(*c))?;
    Some(format!("the key `{}` has `{}`", key.escape_debug(), forbidden.escape_debug()))
}

fn is_allowed(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || matches!(c, '-' | '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_characters_are_replaced() {
        use ConversionStrategy::{Default, Unicode};
        assert_eq!(convert(Default, "g/find/two"), "g_find_two");
        assert_eq!(convert(Unicode, "a b/ü"), "a_U0020_b_U002f_ü");
        assert_eq!(convert(Default, "a-b.c_d"), "a-b.c_d");
    }

    #[test]
    fn error_names_the_key() {
        assert_eq!(error("ключ.a-b_1"), None);
        assert_eq!(error("a b").unwrap(), "the key `a b` has ` `");
        assert!(error(&"k".repeat(254)).unwrap().contains("254 bytes"));
    }
}
