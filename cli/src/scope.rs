//! The annotations that state the scope of a Secret.

use std::collections::BTreeMap;

use sealing::Scope;

/// Whether the annotation states a scope.
pub(crate) fn is_scope_annotation(key: &str) -> bool {
    [Scope::CLUSTER_WIDE_ANNOTATION, Scope::NAMESPACE_WIDE_ANNOTATION].contains(&key)
}

/// Removes the annotations that state a scope. None if they state no scope, so that flags and the
/// project file can.
pub(crate) fn take_scope(annotations: &mut BTreeMap<String, String>) -> Option<Scope> {
    let scope = Scope::from_annotations(Some(annotations));
    annotations.retain(|key, _| !is_scope_annotation(key));
    scope.annotation().map(|_| scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(annotations: &[(&str, &str)]) -> (Option<Scope>, usize) {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let mut annotations = annotations.iter().map(owned).collect();
        (take_scope(&mut annotations), annotations.len())
    }

    #[test]
    fn scope_annotation_must_be_exactly_true_and_cluster_wide_wins() {
        let cluster = Scope::CLUSTER_WIDE_ANNOTATION;
        let namespace = Scope::NAMESPACE_WIDE_ANNOTATION;
        assert_eq!(scope(&[(cluster, "TRUE")]), (None, 0));
        assert_eq!(scope(&[(cluster, "true"), (namespace, "true")]), (Some(Scope::ClusterWide), 0));
        assert_eq!(scope(&[(namespace, "true"), ("keep", "me")]), (Some(Scope::NamespaceWide), 1));
    }
}
