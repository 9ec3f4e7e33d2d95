//! The annotations with which users request restarts, and those that the controller writes.

use kube::api::ObjectMeta;

use super::kind::{WorkloadKey, WorkloadKind};
use crate::key::{is_object_name, quoted};

/// On a workload: the Secrets whose changes restart it, by name, or `*` for those that it uses.
pub(crate) const RESTART_ON: &str = "mtk.mytomorrows.com/restart-on";
/// On a SealedSecret: the workloads to restart when its Secret changes, as `Kind/name`.
pub(crate) const RESTART_TARGETS: &str = "mtk.mytomorrows.com/restart-targets";
/// On a workload, written by the controller: the baseline.
pub(crate) const RESTART_STATE: &str = "mtk.mytomorrows.com/restart-state";
/// On a Pod template, written by the controller: a MAC of the Secrets that it uses. Its change is
/// what restarts the Pods.
pub(crate) const TEMPLATE_SECRETS: &str = "mtk.mytomorrows.com/secrets";

/// Names in one annotation beyond this number are invalid: each costs the controller memory, and a
/// request if it does not exist.
const MAX_NAMES: usize = 100;

/// The annotation [`RESTART_ON`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OptIn {
    /// It names `*`.
    pub(crate) used: bool,
    pub(crate) named: Vec<String>,
    /// The invalid parts, quoted.
    pub(crate) invalid: Vec<String>,
}

/// The annotation [`RESTART_TARGETS`] of a SealedSecret.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Source {
    /// The uid of the SealedSecret.
    pub(crate) uid: String,
    pub(crate) workloads: Vec<WorkloadKey>,
    /// The invalid parts, quoted.
    pub(crate) invalid: Vec<String>,
}

impl OptIn {
    /// Reads names of Secrets and `*`, separated by commas.
    pub(crate) fn of(annotation: Option<&str>) -> Self {
        let mut opt_in = Self::default();
        for part in annotation.into_iter().flat_map(parts) {
            match part {
                _ if opt_in.named.len() == MAX_NAMES => opt_in.invalid.push(quoted(part)),
                "*" => opt_in.used = true,
                name if is_object_name(name) => opt_in.named.push(name.to_owned()),
                other => opt_in.invalid.push(quoted(other)),
            }
        }
        opt_in
    }

    /// Whether the workload has the annotation, valid or not.
    pub(crate) fn is_present(&self) -> bool {
        *self != Self::default()
    }
}

impl Source {
    /// Reads `Kind/name`, separated by commas. `None` without the annotation.
    pub(crate) fn of(metadata: &ObjectMeta) -> Option<Self> {
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let uid = metadata.uid.clone().unwrap_or_default();
        let mut source = Self { uid, ..Self::default() };
        for part in parts(metadata.annotations.as_ref()?.get(RESTART_TARGETS)?) {
            let target = part.split_once('/').and_then(|(kind, name)| {
                let (kind, name) = (WorkloadKind::restartable(kind.trim())?, name.trim());
                is_object_name(name).then(|| WorkloadKey::new(kind, namespace, name))
            });
            match target.filter(|_| source.workloads.len() < MAX_NAMES) {
                Some(target) => source.workloads.push(target),
                None => source.invalid.push(quoted(part)),
            }
        }
        Some(source)
    }
}

/// Whether Reloader restarts a workload with these annotations when a Secret changes.
pub(crate) fn has_reloader<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> bool {
    // Reloader reads them as Go's strconv.ParseBool does.
    let is_false =
        |value: &str| ["", "0", "f", "F", "false", "False", "FALSE"].contains(&value.trim());
    let is_on = |name: &str| annotation(name).is_some_and(|value| !is_false(value));
    let is_listed = annotation("secret.reloader.stakater.com/reload")
        .is_some_and(|value| !value.trim().is_empty());
    annotation("reloader.stakater.com/ignore") != Some("true")
        && (is_listed
            || is_on("reloader.stakater.com/auto")
            || is_on("secret.reloader.stakater.com/auto")
            || is_on("reloader.stakater.com/search"))
}

/// An empty annotation counts as one invalid part.
fn parts(annotation: &str) -> Vec<&str> {
    let parts = annotation.split(',').map(str::trim).filter(|part| !part.is_empty());
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { vec![annotation.trim()] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opt_in(used: bool, named: &[&str], invalid: &[&str]) -> OptIn {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        OptIn { used, named: own(named), invalid: own(invalid) }
    }

    fn source(targets: &str) -> Source {
        let annotations = Some([(RESTART_TARGETS.to_owned(), targets.to_owned())].into());
        let namespace = Some("n".to_owned());
        Source::of(&ObjectMeta { namespace, annotations, ..ObjectMeta::default() }).unwrap()
    }

    #[test]
    fn names_and_star_are_parsed_with_blanks_around_them() {
        assert_eq!(OptIn::of(Some("db, api.keys ,")), opt_in(false, &["db", "api.keys"], &[]));
        assert_eq!(OptIn::of(Some("*")), opt_in(true, &[], &[]));
        assert_eq!(OptIn::of(Some("*,extra")), opt_in(true, &["extra"], &[]));
        assert!(!OptIn::of(None).is_present());
    }

    #[test]
    fn invalid_names_are_kept_for_the_event_and_valid_ones_count() {
        assert_eq!(OptIn::of(Some("db,No_Name")), opt_in(false, &["db"], &["\"No_Name\""]));
        assert_eq!(OptIn::of(Some("n/db")), opt_in(false, &[], &["\"n/db\""]));
        for empty in ["", " ", ",", " , "] {
            assert!(OptIn::of(Some(empty)).is_present(), "{empty:?}");
            assert_eq!(OptIn::of(Some(empty)).invalid.len(), 1, "{empty:?}");
        }
        let long = OptIn::of(Some(&"é\n".repeat(500))).invalid.remove(0);
        assert!(long.len() < 300 && !long.contains('\n'), "{long}");
    }

    #[test]
    fn names_beyond_the_limit_are_invalid() {
        let many: Vec<_> = (0..200).map(|n| format!("Deployment/a{n}")).collect();
        let targets = source(&many.join(","));
        assert_eq!((targets.workloads.len(), targets.invalid.len()), (MAX_NAMES, 100));
        let names: Vec<_> = (0..200).map(|n| format!("a{n}")).collect();
        let opt_in = OptIn::of(Some(&names.join(",")));
        assert_eq!((opt_in.named.len(), opt_in.invalid.len()), (MAX_NAMES, 100));
    }

    #[test]
    fn targets_are_parsed_as_kind_and_name() {
        let targets = source("Deployment/app, statefulset/db");
        let expected = [
            WorkloadKey::new(WorkloadKind::Deployment, "n", "app"),
            WorkloadKey::new(WorkloadKind::StatefulSet, "n", "db"),
        ];
        assert_eq!(targets.workloads, expected);
        let wrong = source("CronJob/x, app, Deployment/, Deployment/a/b");
        assert_eq!(wrong.workloads, []);
        assert_eq!(wrong.invalid.len(), 4);
    }

    #[test]
    fn reloader_is_detected_by_its_annotations_for_secrets() {
        let has = |name: &'static str, value: &'static str| {
            has_reloader(|asked| (asked == name).then_some(value))
        };
        assert!(has("reloader.stakater.com/auto", "true"));
        assert!(has("secret.reloader.stakater.com/auto", "true"));
        assert!(has("secret.reloader.stakater.com/reload", "db"));
        assert!(has("reloader.stakater.com/search", "true"));
        assert!(!has("reloader.stakater.com/auto", "false"));
        assert!(!has("secret.reloader.stakater.com/reload", ""));
        assert!(!has("configmap.reloader.stakater.com/reload", "db"), "it is not about Secrets");
        let ignored = |name: &str| {
            ["reloader.stakater.com/auto", "reloader.stakater.com/ignore"]
                .contains(&name)
                .then_some("true")
        };
        assert!(!has_reloader(ignored));
    }
}
