//! The kinds of workloads that the controller watches.

use std::fmt;

use crate::key::{ObjectKey, QueueKey};

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
    /// The Rollout of Argo Rollouts.
    Rollout,
    /// Of Flagger. Never restarted itself, but it shows which workloads Flagger restarts.
    Canary,
}

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct WorkloadKey {
    pub(crate) kind: WorkloadKind,
    pub(crate) object: ObjectKey,
}

impl QueueKey for WorkloadKey {
    fn namespace(&self) -> &str {
        &self.object.namespace
    }
}

impl WorkloadKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::Rollout, Self::Canary];

    /// Reads a kind that can be restarted. Case is ignored.
    pub(crate) fn restartable(text: &str) -> Option<Self> {
        let mut restartable = Self::ALL.into_iter().filter(|kind| *kind != Self::Canary);
        restartable.find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.names()[0]
    }

    pub(crate) fn plural(self) -> &'static str {
        self.names()[1]
    }

    /// Kind, plural, group and version.
    pub(super) fn names(self) -> [&'static str; 4] {
        match self {
            Self::Deployment => ["Deployment", "deployments", "apps", "v1"],
            Self::StatefulSet => ["StatefulSet", "statefulsets", "apps", "v1"],
            Self::DaemonSet => ["DaemonSet", "daemonsets", "apps", "v1"],
            Self::Rollout => ["Rollout", "rollouts", "argoproj.io", "v1alpha1"],
            Self::Canary => ["Canary", "canaries", "flagger.app", "v1beta1"],
        }
    }
}

impl WorkloadKey {
    pub(crate) fn new(kind: WorkloadKind, namespace: &str, name: &str) -> Self {
        let object = ObjectKey { namespace: namespace.to_owned(), name: name.to_owned() };
        Self { kind, object }
    }
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_parsed_in_any_case_and_canary_is_not_restartable() {
        assert_eq!(WorkloadKind::restartable("statefulset"), Some(WorkloadKind::StatefulSet));
        assert_eq!(WorkloadKind::restartable("Rollout"), Some(WorkloadKind::Rollout));
        assert_eq!(WorkloadKind::restartable("Canary"), None);
        assert_eq!(WorkloadKind::restartable("CronJob"), None);
    }
}
