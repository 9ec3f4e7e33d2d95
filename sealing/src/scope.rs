//! Where an item may be opened.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// The binding of an item: to its object, to its namespace, or to nothing.
///
/// The OAEP label authenticates the binding: an item opens only under its own scope.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// Opens in any object of any namespace.
    ClusterWide,
    /// Opens in any object of one namespace.
    NamespaceWide,
    /// Opens in the one object with this namespace and name.
    #[default]
    Strict,
}

impl Scope {
    /// The annotation that makes an object cluster-wide, when its value is `true`.
    pub const CLUSTER_WIDE_ANNOTATION: &str = "sealedsecrets.bitnami.com/cluster-wide";
    /// The annotation that makes an object namespace-wide, when its value is `true`.
    pub const NAMESPACE_WIDE_ANNOTATION: &str = "sealedsecrets.bitnami.com/namespace-wide";

    /// The scope in an object's annotations.
    ///
    /// As in Bitnami's controller, only the exact string `true` counts, and cluster-wide wins over
    /// namespace-wide.
    pub fn from_annotations(annotations: Option<&BTreeMap<String, String>>) -> Self {
        let is_true =
            |key| annotations.and_then(|all| all.get(key)).is_some_and(|value| value == "true");
        if is_true(Self::CLUSTER_WIDE_ANNOTATION) {
            Self::ClusterWide
        } else if is_true(Self::NAMESPACE_WIDE_ANNOTATION) {
            Self::NamespaceWide
        } else {
            Self::Strict
        }
    }

    /// The annotation to set to `true` for this scope; none for [`Scope::Strict`].
    pub fn annotation(self) -> Option<&'static str> {
        match self {
            Self::ClusterWide => Some(Self::CLUSTER_WIDE_ANNOTATION),
            Self::NamespaceWide => Some(Self::NAMESPACE_WIDE_ANNOTATION),
            Self::Strict => None,
        }
    }

    /// The OAEP label of an item of the object `namespace/name` in this scope.
    pub fn label(self, namespace: &str, name: &str) -> Label {
        Label(match self {
            Self::ClusterWide => Vec::new(),
            Self::NamespaceWide => namespace.as_bytes().to_vec(),
            Self::Strict => format!("{namespace}/{name}").into_bytes(),
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::ClusterWide => "cluster-wide",
            Self::NamespaceWide => "namespace-wide",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::ClusterWide, Self::NamespaceWide, Self::Strict]
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

/// The text is not the name of a scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown scope: it is one of strict, namespace-wide, cluster-wide")]
pub struct UnknownScope;

/// The OAEP label that binds an item to its scope. Only [`Scope::label`] creates it.
#[derive(Clone, Eq, PartialEq)]
pub struct Label(Vec<u8>);

impl Label {
    /// The label's bytes. Empty for cluster-wide, which RSA-OAEP treats as no label.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({:?})", String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_string_true_counts_and_cluster_wide_wins() {
        let (cluster, namespace) =
            (Scope::CLUSTER_WIDE_ANNOTATION, Scope::NAMESPACE_WIDE_ANNOTATION);
        assert_eq!(Scope::from_annotations(None), Scope::Strict);
        for (annotations, scope) in [
            (vec![], Scope::Strict),
            (vec![(cluster, "true")], Scope::ClusterWide),
            (vec![(namespace, "true")], Scope::NamespaceWide),
            (vec![(namespace, "true"), (cluster, "true")], Scope::ClusterWide),
            (vec![(namespace, "true"), (cluster, "TRUE")], Scope::NamespaceWide),
            (vec![(namespace, "true "), (cluster, "1")], Scope::Strict),
            (vec![(cluster, "")], Scope::Strict),
        ] {
            let map = annotations.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!(Scope::from_annotations(Some(&map)), scope, "{annotations:?}");
        }
    }

    #[test]
    fn scope_is_read_from_its_annotation() {
        for scope in [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict] {
            let map = scope.annotation().map(|key| (key.to_owned(), "true".to_owned()));
            assert_eq!(Scope::from_annotations(Some(&map.into_iter().collect())), scope);
        }
    }

    #[test]
    fn names_survive_a_round_trip_and_others_are_rejected() {
        for scope in [Scope::ClusterWide, Scope::NamespaceWide, Scope::Strict] {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        for text in ["", "Strict", "cluster", "namespace-wide "] {
            assert_eq!(text.parse::<Scope>(), Err(UnknownScope));
        }
    }

    #[test]
    fn labels_match_kubeseal() {
        assert_eq!(Scope::Strict.label("ns", "name").as_bytes(), b"ns/name");
        assert_eq!(Scope::NamespaceWide.label("ns", "name").as_bytes(), b"ns");
        assert_eq!(Scope::ClusterWide.label("ns", "name").as_bytes(), b"");
    }
}
