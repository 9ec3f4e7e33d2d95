//! Labels and annotations by which a tool knows the objects that it applied.
//!
//! A Secret with a copy of them looks like an object of the tool that git no longer contains, so the tool
//! prunes it or reports it out of sync.

use std::collections::BTreeMap;

const NAMES: [&str; 6] = [
    "applyset.kubernetes.io/part-of",
    "argocd.argoproj.io/installation-id",
    "argocd.argoproj.io/instance",
    "argocd.argoproj.io/tracking-id",
    "config.k8s.io/owning-inventory",
    "kubectl.kubernetes.io/last-applied-configuration",
];
const PREFIXES: [&str; 5] = [
    "helm.toolkit.fluxcd.io/",
    "kapp.k14s.io/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "objectset.rio.cattle.io/",
];

/// Removes them from labels or annotations.
pub fn remove_tool_metadata(names: &mut BTreeMap<String, String>) {
    names.retain(|name, _| {
        let is_below = |prefix: &&str| name.starts_with(*prefix);
        !NAMES.contains(&name.as_str()) && !PREFIXES.iter().any(is_below)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_tools_are_removed_and_others_stay() {
        let mut names: BTreeMap<_, _> = [
            "app.kubernetes.io/instance",
            "argocd.argoproj.io/instance",
            "argocd.argoproj.io/sync-wave",
            "argocd.argoproj.io/tracking-id",
            "kubectl.kubernetes.io/last-applied-configuration",
            "kustomize.toolkit.fluxcd.io/name",
            "meta.helm.sh/release-name",
            "meta.helm.sh.example.org/x",
            "team",
        ]
        .map(|name| (name.to_owned(), "1".to_owned()))
        .into();
        remove_tool_metadata(&mut names);
        let left: Vec<_> = names.keys().map(String::as_str).collect();
        let kept = [
            "app.kubernetes.io/instance",
            "argocd.argoproj.io/sync-wave",
            "meta.helm.sh.example.org/x",
            "team",
        ];
        assert_eq!(left, kept);
    }
}
