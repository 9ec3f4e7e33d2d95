//! A workload as it is kept: the little that decides. The rest is dropped on receipt.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, api::ObjectMeta, core::DynamicResourceScope};
use serde::Deserialize;
use serde_json::Value;

use super::{
    RESTART_ON, STATE, TEMPLATE,
    annotations::{self, OptIn},
    references::Uses,
};
use crate::{key::ObjectKey, runtime::api::version_of};

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// apps/v1
    Deployment,
    /// apps/v1
    StatefulSet,
    /// apps/v1
    DaemonSet,
    /// argoproj.io/v1alpha1, of Argo Rollouts.
    Rollout,
    /// flagger.app/v1beta1: never restarted itself, but it tells which workloads are Flagger's.
    Canary,
}

/// A workload's kind and name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WorkloadKey {
    /// The kind.
    pub kind: Kind,
    /// Namespace and name.
    pub object: ObjectKey,
}

/// An object as the API server gives it.
#[derive(Clone, Deserialize)]
pub struct WorkloadObject {
    /// The metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Read leniently: nothing that a CRD lets through may stop a watch.
    #[serde(default)]
    pub spec: Value,
}

/// What is kept of a workload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Workload {
    /// The uid.
    pub uid: String,
    /// As the API server gave it: the guard of a patch.
    pub resource_version: String,
    /// The same, to be ordered by.
    pub version: u64,
    /// It is being deleted.
    pub deleting: bool,
    /// Its controller is told to start no rollout.
    pub paused: bool,
    /// It is to have no Pods.
    pub no_replicas: bool,
    /// Its Pods take a new template only when somebody deletes them.
    pub on_delete: bool,
    /// The annotation [`RESTART_ON`].
    pub opt_in: OptIn,
    /// Other software restarts it, so we do not.
    pub left_to: Option<LeftTo>,
    /// What its Pod template uses.
    pub uses: Uses,
    /// The Deployment that has the Pod template, of a Rollout with `workloadRef`.
    pub template_of: Option<String>,
    /// The annotation [`STATE`].
    pub state: Option<String>,
    /// The annotation [`TEMPLATE`] of its Pod template.
    pub template: Option<String>,
}

/// Who restarts a workload in our place.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LeftTo {
    /// Stakater's Reloader.
    Reloader,
    /// Flagger.
    Flagger,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::Rollout, Self::Canary];

    /// The name of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Rollout => "Rollout",
            Self::Canary => "Canary",
        }
    }

    /// The plural, as RBAC has it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Rollout => "rollouts",
            Self::Canary => "canaries",
        }
    }

    /// The API group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Rollout => "argoproj.io",
            Self::Canary => "flagger.app",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "v1",
            Self::Rollout => "v1alpha1",
            Self::Canary => "v1beta1",
        }
    }
}

/// Of a kind that can be restarted, in any case of letters.
impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let restartable = Self::ALL.into_iter().filter(|kind| *kind != Self::Canary);
        restartable.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.object)
    }
}

impl WorkloadKey {
    /// What an Event refers to.
    pub fn reference(&self, uid: &str) -> ObjectReference {
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

impl Workload {
    /// Reduces an object.
    pub fn of(kind: Kind, object: &WorkloadObject) -> Self {
        let (metadata, spec) = (&object.metadata, &object.spec);
        let empty = BTreeMap::new();
        let annotations = metadata.annotations.as_ref().unwrap_or(&empty);
        let template = &spec["template"];
        let on_template = |name: &str| template["metadata"]["annotations"][name].as_str();
        let on_either =
            |name: &str| annotations.get(name).map(String::as_str).or_else(|| on_template(name));
        let left_to = if is_flaggers(metadata) {
            Some(LeftTo::Flagger)
        } else {
            annotations::has_reloader(on_either).then_some(LeftTo::Reloader)
        };
        let strategy = &spec["updateStrategy"]["type"];
        let reference = &spec["workloadRef"];
        let is_deployment = reference["kind"].as_str() == Some(Kind::Deployment.as_str());
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            version: version_of(metadata),
            deleting: metadata.deletion_timestamp.is_some(),
            paused: spec["paused"].as_bool().unwrap_or(false),
            no_replicas: spec["replicas"].as_i64() == Some(0),
            on_delete: strategy.as_str() == Some("OnDelete"),
            opt_in: OptIn::of(annotations.get(RESTART_ON).map(String::as_str)),
            left_to,
            uses: Uses::of(&template["spec"]),
            template_of: (kind == Kind::Rollout && is_deployment)
                .then(|| reference["name"].as_str().map(ToOwned::to_owned))
                .flatten(),
            state: annotations.get(STATE).cloned(),
            template: on_template(TEMPLATE).map(ToOwned::to_owned),
        }
    }

    /// Whether something else than the version differs.
    pub fn differs(&self, other: &Self) -> bool {
        let as_old = Self {
            resource_version: other.resource_version.clone(),
            version: other.version,
            ..self.clone()
        };
        as_old != *other
    }
}

/// The workload that a Canary of Flagger looks after.
pub fn target_of(canary: &WorkloadObject) -> Option<WorkloadKey> {
    let target = &canary.spec["targetRef"];
    Some(WorkloadKey {
        kind: target["kind"].as_str()?.parse().ok()?,
        object: ObjectKey {
            namespace: canary.metadata.namespace.clone()?,
            name: target["name"].as_str()?.to_owned(),
        },
    })
}

/// The copies that Flagger makes (`NAME-primary`) belong to its Canary.
fn is_flaggers(metadata: &ObjectMeta) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| {
        let group = owner.api_version.split('/').next().unwrap_or_default();
        owner.kind == Kind::Canary.as_str() && group == Kind::Canary.group()
    })
}

impl Resource for WorkloadObject {
    type DynamicType = Kind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &Kind) -> Cow<'_, str> {
        kind.as_str().into()
    }

    fn group(kind: &Kind) -> Cow<'_, str> {
        Kind::group(*kind).into()
    }

    fn version(kind: &Kind) -> Cow<'_, str> {
        Kind::version(*kind).into()
    }

    fn plural(kind: &Kind) -> Cow<'_, str> {
        Kind::plural(*kind).into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A template's environment may hold what should have been in a Secret.
impl fmt::Debug for WorkloadObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadObject").field("name", &self.metadata.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: Value) -> WorkloadObject {
        serde_json::from_value(json).unwrap()
    }

    fn reduced(kind: Kind, json: Value) -> Workload {
        Workload::of(kind, &object(json))
    }

    #[test]
    fn a_kind_is_found_in_any_case_and_a_canary_is_none_to_restart() {
        assert_eq!("statefulset".parse(), Ok(Kind::StatefulSet));
        assert_eq!("Rollout".parse(), Ok(Kind::Rollout));
        assert_eq!("Canary".parse::<Kind>(), Err(()));
        assert_eq!("CronJob".parse::<Kind>(), Err(()));
    }

    #[test]
    fn what_decides_is_read() {
        let workload = reduced(
            Kind::Deployment,
            json!({
                "metadata": { "uid": "u", "resourceVersion": "7", "annotations": { STATE: "x" } },
                "spec": { "paused": true, "replicas": 0,
                          "template": { "metadata": { "annotations": { TEMPLATE: "m" } } } },
            }),
        );
        assert!(workload.paused && workload.no_replicas && !workload.on_delete);
        assert_eq!((workload.uid.as_str(), workload.version), ("u", 7));
        assert_eq!(workload.state.as_deref(), Some("x"));
        assert_eq!(workload.template.as_deref(), Some("m"));
        let workload = reduced(
            Kind::DaemonSet,
            json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }),
        );
        assert!(workload.on_delete && !workload.no_replicas);
    }

    #[test]
    fn nonsense_is_read_as_nothing() {
        for spec in [json!(null), json!([]), json!({ "template": 1, "replicas": "0" })] {
            let workload = reduced(Kind::Rollout, json!({ "spec": spec }));
            assert!(!workload.no_replicas && workload.template_of.is_none());
        }
    }

    #[test]
    fn a_status_update_is_no_difference() {
        let of = |version: &str, paused: bool| {
            let metadata = json!({ "resourceVersion": version });
            reduced(Kind::Deployment, json!({ "metadata": metadata, "spec": { "paused": paused } }))
        };
        assert!(!of("2", false).differs(&of("1", false)));
        assert!(of("2", true).differs(&of("1", false)));
    }

    #[test]
    fn reloaders_annotations_count_on_the_template_too() {
        let mark = json!({ "annotations": { "reloader.stakater.com/auto": "true" } });
        let on_workload = json!({ "metadata": mark });
        let on_template = json!({ "spec": { "template": { "metadata": mark } } });
        for marked in [on_workload, on_template] {
            assert_eq!(reduced(Kind::StatefulSet, marked).left_to, Some(LeftTo::Reloader));
        }
    }

    #[test]
    fn what_a_canary_owns_or_names_is_flaggers() {
        let owner = json!([{ "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "c",
                             "uid": "u" }]);
        let primary = json!({ "metadata": { "ownerReferences": owner } });
        assert_eq!(reduced(Kind::Deployment, primary).left_to, Some(LeftTo::Flagger));
        let canary = object(json!({
            "metadata": { "namespace": "n", "name": "c" },
            "spec": { "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "app" } },
        }));
        assert_eq!(target_of(&canary).unwrap().to_string(), "Deployment n/app");
    }

    #[test]
    fn only_a_rollout_borrows_the_template_of_a_deployment() {
        let spec = json!({ "spec": { "workloadRef": { "kind": "Deployment", "name": "app" } } });
        assert_eq!(reduced(Kind::Rollout, spec.clone()).template_of.as_deref(), Some("app"));
        assert_eq!(reduced(Kind::Deployment, spec).template_of, None);
    }
}
