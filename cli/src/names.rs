//! The names that Kubernetes accepts. The command checks names before it seals anything.
//!
//! The rules are those of `k8s.io/apimachinery/pkg/util/validation`.

/// The longest name of an object, in bytes.
const MAX_SUBDOMAIN_BYTES: usize = 253;
/// The longest DNS label, label value, and name part of a label's key, in bytes.
const MAX_LABEL_BYTES: usize = 63;

/// The name of a namespace: a DNS-1123 label.
pub(crate) fn namespace(text: &str) -> Result<String, NameError> {
    let fits = (1..=MAX_LABEL_BYTES).contains(&text.len()) && is_dns_part(text);
    fits.then(|| text.to_owned()).ok_or(NameError::Namespace)
}

/// The name of a Secret: a DNS-1123 subdomain.
pub(crate) fn object(text: &str) -> Result<String, NameError> {
    is_subdomain(text).then(|| text.to_owned()).ok_or(NameError::Object)
}

/// A label from `KEY=VALUE`.
pub(crate) fn label(text: &str) -> Result<(String, String), NameError> {
    let (key, value) = text.split_once('=').ok_or(NameError::Pair)?;
    if !is_qualified(key) {
        return Err(NameError::MetadataKey);
    }
    if value.is_empty() || is_qualified_name(value) {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err(NameError::LabelValue)
    }
}

/// An annotation from `KEY=VALUE`.
pub(crate) fn annotation(text: &str) -> Result<(String, String), NameError> {
    let (key, value) = text.split_once('=').ok_or(NameError::Pair)?;
    if is_qualified(key) {
        Ok((key.to_owned(), value.to_owned()))
    } else {
        Err(NameError::MetadataKey)
    }
}

/// The rule that a name breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum NameError {
    /// Not a DNS-1123 label.
    #[error(
        "a namespace has 1 to 63 lower-case letters, digits and `-`, and starts and ends with a letter or digit"
    )]
    Namespace,
    /// Not a DNS-1123 subdomain.
    #[error(
        "a name has 1 to 253 lower-case letters, digits, `-` and `.`, and each part starts and ends with a letter or digit"
    )]
    Object,
    /// No `=`.
    #[error("expected KEY=VALUE")]
    Pair,
    /// Not a qualified name.
    #[error(
        "the key of a label or annotation is [prefix/]name: a DNS prefix, then up to 63 letters, digits, `-`, `_` and `.`"
    )]
    MetadataKey,
    /// Not a label value.
    #[error(
        "a label's value has up to 63 letters, digits, `-`, `_` and `.`, and starts and ends with a letter or digit"
    )]
    LabelValue,
}

fn is_subdomain(text: &str) -> bool {
    (1..=MAX_SUBDOMAIN_BYTES).contains(&text.len()) && text.split('.').all(is_dns_part)
}

fn is_dns_part(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        // Kubernetes ignores the case of prefixes.
        Some((prefix, name)) => is_subdomain(&prefix.to_lowercase()) && is_qualified_name(name),
        None => is_qualified_name(key),
    }
}

fn is_qualified_name(name: &str) -> bool {
    let is_alphanumeric = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= MAX_LABEL_BYTES
        && is_alphanumeric(bytes.first())
        && is_alphanumeric(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_dns_1123() {
        assert!(object("a").is_ok());
        assert!(object("db-11.prod").is_ok());
        assert!(object(&"a".repeat(253)).is_ok());
        for bad in ["", "A", "-a", "a-", "a..b", ".a", "a_b", "ä"] {
            assert_eq!(object(bad), Err(NameError::Object), "{bad}");
        }
        assert!(object(&"a".repeat(254)).is_err());
    }

    #[test]
    fn namespace_has_no_dots_and_at_most_63_characters() {
        assert!(namespace(&"n".repeat(63)).is_ok());
        for bad in ["", "a.b", "A", "a-", &"n".repeat(64)] {
            assert_eq!(namespace(bad), Err(NameError::Namespace), "{bad}");
        }
    }

    #[test]
    fn labels_and_annotations_need_qualified_keys() {
        assert_eq!(label("app=web"), Ok(("app".to_owned(), "web".to_owned())));
        assert_eq!(label("a/b="), Ok(("a/b".to_owned(), String::new())));
        assert_eq!(label("app"), Err(NameError::Pair));
        assert_eq!(label("a/b/c=x"), Err(NameError::MetadataKey));
        assert_eq!(label("app=a b"), Err(NameError::LabelValue));
        assert_eq!(label("app=-a"), Err(NameError::LabelValue));
        assert_eq!(
            annotation("a.example/b=x = y"),
            Ok(("a.example/b".to_owned(), "x = y".to_owned()))
        );
        assert_eq!(annotation("=x"), Err(NameError::MetadataKey));
    }
}
