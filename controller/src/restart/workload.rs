//! A workload, reduced on receipt to the fields that decide about restarts.

use std::{borrow::Cow, fmt};

use kube::{Resource, ResourceExt as _, api::ObjectMeta, core::DynamicResourceScope};
use serde::Deserialize;
use serde_json::Value;

use super::{
    annotations::{OptIn, RESTART_ON, RESTART_STATE, TEMPLATE_SECRETS, has_reloader},
    kind::{WorkloadKey, WorkloadKind},
    references::SecretUses,
};
use crate::runtime::api::version_of;

#[derive(Clone, Deserialize)]
pub(crate) struct WorkloadObject {
    #[serde(default)]
    pub(crate) metadata: ObjectMeta,
    /// Read leniently: nothing that a CRD accepts may stop a watch.
    #[serde(default)]
    pub(crate) spec: Value,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Workload {
    pub(crate) uid: String,
    /// The guard of a patch.
    pub(crate) resource_version: String,
    /// The same as a number, for ordering.
    pub(crate) version: u64,
    pub(crate) deleting: bool,
    /// Its own controller starts no rollout.
    pub(crate) paused: bool,
    pub(crate) no_replicas: bool,
    /// Its Pods get a new template only after they are deleted.
    pub(crate) on_delete: bool,
    pub(crate) opt_in: OptIn,
    pub(crate) other_restarter: Option<OtherRestarter>,
    pub(crate) uses: SecretUses,
    /// The Deployment whose Pod template a Rollout with `workloadRef` uses.
    pub(crate) template_from: Option<WorkloadKey>,
    /// The annotation [`RESTART_STATE`].
    pub(crate) baseline: Option<String>,
    /// The annotation [`TEMPLATE_SECRETS`] of its Pod template.
    pub(crate) template_annotation: Option<String>,
}

/// Other software that restarts a workload when a Secret changes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum OtherRestarter {
    Reloader,
    Flagger,
}

impl Workload {
    pub(crate) fn of(kind: WorkloadKind, object: &WorkloadObject) -> Self {
        let (metadata, spec) = (&object.metadata, &object.spec);
        let annotation = |name: &str| object.annotations().get(name).map(String::as_str);
        let template = &spec["template"];
        let on_template = |name: &str| template["metadata"]["annotations"][name].as_str();
        let on_either = |name: &str| annotation(name).or_else(|| on_template(name));
        let [canary, _, group, _] = WorkloadKind::Canary.names();
        let is_canarys = object.owner_references().iter().any(|owner| {
            owner.kind == canary && owner.api_version.split('/').next() == Some(group)
        });
        // The Canary owns the copies that Flagger makes (`NAME-primary`).
        let other_restarter = if is_canarys {
            Some(OtherRestarter::Flagger)
        } else {
            has_reloader(on_either).then_some(OtherRestarter::Reloader)
        };
        let strategy = &spec["updateStrategy"]["type"];
        let reference = &spec["workloadRef"];
        let is_deployment = reference["kind"].as_str() == Some(WorkloadKind::Deployment.as_str());
        let borrows = kind == WorkloadKind::Rollout && is_deployment;
        let template_from = reference["name"].as_str().filter(|_| borrows).map(|name| {
            let namespace = metadata.namespace.as_deref().unwrap_or_default();
            WorkloadKey::new(WorkloadKind::Deployment, namespace, name)
        });
        Self {
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone().unwrap_or_default(),
            version: version_of(metadata),
            deleting: metadata.deletion_timestamp.is_some(),
            paused: spec["paused"].as_bool().unwrap_or(false),
            no_replicas: spec["replicas"].as_i64() == Some(0),
            on_delete: strategy.as_str() == Some("OnDelete"),
            opt_in: OptIn::of(annotation(RESTART_ON)),
            other_restarter,
            uses: SecretUses::of(&template["spec"]),
            template_from,
            baseline: annotation(RESTART_STATE).map(ToOwned::to_owned),
            template_annotation: on_template(TEMPLATE_SECRETS).map(ToOwned::to_owned),
        }
    }

    /// Whether anything except the version differs.
    pub(crate) fn differs(&self, other: &Self) -> bool {
        let as_old = Self {
            resource_version: other.resource_version.clone(),
            version: other.version,
            ..self.clone()
        };
        as_old != *other
    }
}

/// The workload that a Canary of Flagger controls.
pub(crate) fn target_of(canary: &WorkloadObject) -> Option<WorkloadKey> {
    let target = &canary.spec["targetRef"];
    let kind = WorkloadKind::restartable(target["kind"].as_str()?)?;
    let namespace = canary.metadata.namespace.as_deref()?;
    Some(WorkloadKey::new(kind, namespace, target["name"].as_str()?))
}

impl Resource for WorkloadObject {
    type DynamicType = WorkloadKind;
    type Scope = DynamicResourceScope;

    fn kind(kind: &WorkloadKind) -> Cow<'_, str> {
        kind.as_str().into()
    }

    fn group(kind: &WorkloadKind) -> Cow<'_, str> {
        let [_, _, group, _] = kind.names();
        group.into()
    }

    fn version(kind: &WorkloadKind) -> Cow<'_, str> {
        let [_, _, _, version] = kind.names();
        version.into()
    }

    fn plural(kind: &WorkloadKind) -> Cow<'_, str> {
        kind.plural().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The environment in a template may contain values that belong in a Secret.
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

    fn reduced(kind: WorkloadKind, json: Value) -> Workload {
        Workload::of(kind, &object(json))
    }

    #[test]
    fn reduction_keeps_the_fields_that_decide() {
        let workload = reduced(
            WorkloadKind::Deployment,
            json!({
                "metadata": { "uid": "u", "resourceVersion": "7", "annotations": { RESTART_STATE: "x" } },
                "spec": { "paused": true, "replicas": 0,
                          "template": { "metadata": { "annotations": { TEMPLATE_SECRETS: "m" } } } },
            }),
        );
        assert!(workload.paused && workload.no_replicas && !workload.on_delete);
        assert_eq!((workload.uid.as_str(), workload.version), ("u", 7));
        assert_eq!(workload.baseline.as_deref(), Some("x"));
        assert_eq!(workload.template_annotation.as_deref(), Some("m"));
        let workload = reduced(
            WorkloadKind::DaemonSet,
            json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }),
        );
        assert!(workload.on_delete && !workload.no_replicas);
    }

    #[test]
    fn malformed_spec_is_read_as_empty() {
        for spec in [json!(null), json!([]), json!({ "template": 1, "replicas": "0" })] {
            let workload = reduced(WorkloadKind::Rollout, json!({ "spec": spec }));
            assert!(!workload.no_replicas && workload.template_from.is_none());
        }
    }

    #[test]
    fn status_update_is_no_difference() {
        let of = |version: &str, paused: bool| {
            let metadata = json!({ "resourceVersion": version });
            reduced(
                WorkloadKind::Deployment,
                json!({ "metadata": metadata, "spec": { "paused": paused } }),
            )
        };
        assert!(!of("2", false).differs(&of("1", false)));
        assert!(of("2", true).differs(&of("1", false)));
    }

    #[test]
    fn reloader_annotations_count_on_the_template_too() {
        let mark = json!({ "annotations": { "reloader.stakater.com/auto": "true" } });
        let on_workload = json!({ "metadata": mark });
        let on_template = json!({ "spec": { "template": { "metadata": mark } } });
        for marked in [on_workload, on_template] {
            assert_eq!(
                reduced(WorkloadKind::StatefulSet, marked).other_restarter,
                Some(OtherRestarter::Reloader)
            );
        }
    }

    #[test]
    fn workload_owned_by_a_canary_is_left_to_flagger() {
        let owner = json!([{ "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "c",
                             "uid": "u" }]);
        let primary = json!({ "metadata": { "ownerReferences": owner } });
        assert_eq!(
            reduced(WorkloadKind::Deployment, primary).other_restarter,
            Some(OtherRestarter::Flagger)
        );
        let canary = object(json!({
            "metadata": { "namespace": "n", "name": "c" },
            "spec": { "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "app" } },
        }));
        assert_eq!(target_of(&canary).unwrap().to_string(), "Deployment n/app");
    }

    #[test]
    fn only_rollout_borrows_the_template_of_a_deployment() {
        let object = json!({
            "metadata": { "namespace": "n" },
            "spec": { "workloadRef": { "kind": "Deployment", "name": "app" } },
        });
        let owner = |kind| reduced(kind, object.clone()).template_from;
        let deployment = WorkloadKey::new(WorkloadKind::Deployment, "n", "app");
        assert_eq!(owner(WorkloadKind::Rollout), Some(deployment));
        assert_eq!(owner(WorkloadKind::Deployment), None);
    }
}
