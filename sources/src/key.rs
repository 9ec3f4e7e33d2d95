//! The keys that Kubernetes accepts in a Secret.

/// The longest key of a Secret, in bytes.
const MAX_KEY_BYTES: usize = 253;
/// The longest part of an invalid key that an error shows.
const MAX_SHOWN_CHARS: usize = 60;

/// The hint for an invalid key.
pub(crate) const KEY_RULE: &str = "a key has up to 253 letters, digits, `-`, `_` and `.`";

/// Whether Kubernetes accepts the text as a key of a Secret.
pub fn is_secret_key(text: &str) -> bool {
    (1..=MAX_KEY_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        && text != "."
        && !text.starts_with("..")
}

/// An invalid key as errors show it: on one line, and not longer than [`MAX_SHOWN_CHARS`].
pub(crate) fn shorten(key: &str) -> String {
    let shown: String = key.chars().take(MAX_SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if key.chars().count() > MAX_SHOWN_CHARS { shown + "…" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_keys_follow_kubernetes() {
        for good in ["a", "A_B", ".dockerconfigjson", "tls.crt", "-", "a..b", &"k".repeat(253)] {
            assert!(is_secret_key(good), "{good}");
        }
        for bad in ["", ".", "..", "..a", "a b", "a/b", "ä", "a=b", &"k".repeat(254)] {
            assert!(!is_secret_key(bad), "{bad}");
        }
    }

    #[test]
    fn invalid_keys_are_shown_on_one_short_line() {
        assert_eq!(shorten("a\nb"), "a\\nb");
        assert_eq!(shorten(&"x".repeat(100)).chars().count(), 61);
    }
}
