//! The kinds of workloads that the controller watches.

use std::{fmt, str::FromStr};

use k8s_openapi::api::core::v1::ObjectReference;

use crate::key::{ObjectKey, QueueKey};

/// A kind that is watched.
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

/// A workload's kind and name.
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

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
            Self::Canary => "Canary",
        }
    }

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Rollout => "rollouts",
            Self::Canary => "canaries",
        }
    }

    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Rollout => "argoproj.io",
            Self::Canary => "flagger.app",
        }
    }

    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "v1",
            Self::Rollout => "v1alpha1",
            Self::Canary => "v1beta1",
        }
    }
}

/// Reads a kind that can be restarted. Case is ignored.
impl FromStr for WorkloadKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let restartable = Self::ALL.into_iter().filter(|kind| *kind != Self::Canary);
        restartable.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl WorkloadKey {
    /// The object of an Event.
    pub(crate) fn reference(&self, uid: &str) -> ObjectReference {
        ObjectReference {
            api_version: Some(format!("{}/{}", self.kind.group(), self.kind.version())),
            kind: Some(self.kind.as_str().to_owned()),
            namespace: Some(self.object.namespace.clone()),
            name: Some(self.object.name.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }
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
        assert_eq!("statefulset".parse(), Ok(WorkloadKind::StatefulSet));
        assert_eq!("Rollout".parse(), Ok(WorkloadKind::Rollout));
        assert_eq!("Canary".parse::<WorkloadKind>(), Err(()));
        assert_eq!("CronJob".parse::<WorkloadKind>(), Err(()));
    }
}
