//! Makes the one write of a plan. No other module writes workloads.

use jiff::Timestamp;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    annotations::{RESTART_STATE, TEMPLATE_SECRETS},
    baseline::{Baseline, template_mac},
    controller::{Attempt, RestartController},
    kind::{WorkloadKey, WorkloadKind},
    workload::{Workload, WorkloadObject},
};
use crate::{
    reason::Failure,
    runtime::{
        FIELD_MANAGER,
        api::{RequestError, request},
        clock::rfc3339_seconds,
    },
};

impl RestartController {
    /// `None` if the workload or its kind does not exist.
    pub(super) async fn get(&self, key: &WorkloadKey) -> Result<Option<WorkloadObject>, Failure> {
        let object = request(self.api(key).get_opt(&key.object.name)).await;
        object.map_err(|error| error.failure(&format!("read {key}")))
    }

    fn api(&self, key: &WorkloadKey) -> Api<WorkloadObject> {
        Api::namespaced_with(self.context.client.clone(), &key.object.namespace, &key.kind)
    }
}

impl Attempt<'_> {
    /// Writes the baseline, with or without a restart. A conflict means that the workload has changed
    /// since it was read.
    pub(super) async fn patch(
        &self,
        baseline: &Baseline,
        restarts: bool,
    ) -> Result<WorkloadObject, RequestError> {
        let Attempt { controller, key, entry } = self;
        let before = entry.workload.template_annotation.as_deref();
        let spec = restarts.then(|| {
            let template = template_mac(&controller.context.mac_key, baseline, before);
            restart(key.kind, &template, Timestamp::now())
        });
        let body = Patch::Merge(body(&entry.workload, &baseline.text(&controller.key_id), spec));
        let field_manager = Some(FIELD_MANAGER.to_owned());
        let params = PatchParams { field_manager, ..PatchParams::default() };
        request(controller.api(key).patch(&key.object.name, &params, &body)).await
    }
}

/// The change of the spec that restarts the Pods.
fn restart(kind: WorkloadKind, template: &str, at: Timestamp) -> Value {
    match kind {
        // Argo Rollouts replaces older Pods within its strategy. A changed template would be a new
        // version of the app, with canaries and analyses.
        WorkloadKind::Rollout => json!({ "restartAt": rfc3339_seconds(at) }),
        _ => {
            json!({ "template": { "metadata": { "annotations": { TEMPLATE_SECRETS: template } } } })
        }
    }
}

/// A merge patch (RFC 7386), guarded by uid and resourceVersion.
fn body(workload: &Workload, baseline: &str, spec: Option<Value>) -> Value {
    let metadata = json!({
        "uid": workload.uid,
        "resourceVersion": workload.resource_version,
        "annotations": { RESTART_STATE: baseline },
    });
    match spec {
        Some(spec) => json!({ "metadata": metadata, "spec": spec }),
        None => json!({ "metadata": metadata }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        let object = json!({ "metadata": { "uid": "u", "resourceVersion": "7" } });
        Workload::of(WorkloadKind::Deployment, &serde_json::from_value(object).unwrap())
    }

    fn restart_of(kind: WorkloadKind) -> Value {
        restart(kind, "mac", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn restart_is_one_patch_under_both_guards() {
        assert_eq!(
            body(&workload(), "s", Some(restart_of(WorkloadKind::StatefulSet))),
            json!({
                "metadata": { "uid": "u", "resourceVersion": "7", "annotations": { RESTART_STATE: "s" } },
                "spec": { "template": { "metadata": { "annotations": { TEMPLATE_SECRETS: "mac" } } } },
            })
        );
    }

    #[test]
    fn rollout_gets_a_restart_time_and_keeps_its_template() {
        let spec = restart_of(WorkloadKind::Rollout);
        assert_eq!(spec, json!({ "restartAt": "1970-01-01T00:00:00Z" }));
    }

    #[test]
    fn baseline_write_changes_no_spec() {
        assert_eq!(body(&workload(), "s", None).get("spec"), None);
    }
}
