//! The keys of a Secret, from names that may have any characters.

use std::fmt::Write as _;

use crds::external_secret::ConversionStrategy;

/// How long a key may be, in bytes.
const LONGEST: usize = 253;

/// A name with what keys cannot have replaced.
pub fn convert(strategy: ConversionStrategy, name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.chars() {
        match strategy {
            _ if is_fine(c) => key.push(c),
            ConversionStrategy::Default => key.push('_'),
            ConversionStrategy::Unicode => {
                let _ = write!(key, "_U{:04x}_", u32::from(c));
            }
        }
    }
    key
}

/// What is wrong with a key, if anything. Letters that are not ASCII pass here, as with External
/// Secrets, and are refused by the API server (recorded, x22).
pub fn complaint(key: &str) -> Option<String> {
    if key.len() > LONGEST {
        let start: String = key.chars().take(63).collect();
        return Some(format!(
            "the key `{start}…` has {} bytes, and {LONGEST} are allowed",
            key.len()
        ));
    }
    let bad = key.chars().find(|c| !is_fine(*c))?;
    Some(format!("the key `{}` has `{}`", key.escape_debug(), bad.escape_debug()))
}

fn is_fine(c: char) -> bool {
    c.is_alphabetic() || c.is_numeric() || matches!(c, '-' | '.' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keys_cannot_have_is_replaced() {
        use ConversionStrategy::{Default, Unicode};
        assert_eq!(convert(Default, "g/find/two"), "g_find_two");
        assert_eq!(convert(Unicode, "a b/ü"), "a_U0020_b_U002f_ü");
        assert_eq!(convert(Default, "a-b.c_d"), "a-b.c_d");
    }

    #[test]
    fn a_key_is_complained_of_with_its_name() {
        assert_eq!(complaint("ключ.a-b_1"), None);
        assert_eq!(complaint("a b").unwrap(), "the key `a b` has ` `");
        assert!(complaint(&"k".repeat(254)).unwrap().contains("254 bytes"));
    }
}
