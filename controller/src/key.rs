//! Names of objects, as maps and queues use them.

use std::{fmt, hash::Hash};

use kube::api::ObjectMeta;

/// Namespace and name. They are the same for a SealedSecret and its Secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct ObjectKey {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The key of a work queue. Objects of one namespace share the workers that it may hold.
pub(crate) trait QueueKey:
    Clone + Eq + fmt::Display + Hash + Ord + Send + Sync + 'static
{
    /// The namespace, empty for cluster-scoped objects, which form a separate group.
    fn namespace(&self) -> &str;
}

/// Whether the text is a DNS subdomain (RFC 1123), as names of Secrets, `ConfigMaps`, `ServiceAccounts` and workloads
/// are. A name becomes a part of a URL, so names from specs must be checked first: `../../kube-system/secrets/x`.
pub(crate) fn is_object_name(text: &str) -> bool {
    let is_character = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let is_label = |label: &str| {
        let has_ends = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        has_ends && label.bytes().all(is_character)
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A name from a spec, for a message: shortened and without line breaks.
pub(crate) fn quoted(name: &str) -> String {
    format!("{:?}", name.chars().take(80).collect::<String>())
}

impl ObjectKey {
    /// The key of the object with this metadata.
    pub(crate) fn of(metadata: &ObjectMeta) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }
}

impl QueueKey for ObjectKey {
    fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_change_a_url_are_no_names() {
        for name in ["a", "app-secrets", "a.b-c.0", &"a".repeat(253)] {
            assert!(is_object_name(name), "{name}");
        }
        for name in
            ["", ".", "..", "../x", "a/b", "a?x=y", "a%2fb", "a#b", "A", "a b", "-a", "a-", "a..b"]
        {
            assert!(!is_object_name(name), "{name}");
        }
        assert!(!is_object_name(&"a".repeat(254)));
    }
}
