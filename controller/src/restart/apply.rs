//! Makes the one write that a plan asks for. No other module writes workloads.

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    annotations::{RESTART_STATE, TEMPLATE_SECRETS},
    kind::{WorkloadKey, WorkloadKind},
    workload::{Workload, WorkloadObject},
};
use crate::{
    reason::Failure,
    runtime::{FIELD_MANAGER, api::request, clock::rfc3339_seconds},
};

#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// The text of the annotation.
    pub(crate) baseline: String,
    /// The annotation of the Pod template that restarts the Pods. `None` to write only the baseline.
    pub(crate) template: Option<String>,
    /// The time of the restart of a Rollout, which replaces older Pods within the bounds of its
    /// strategy.
    pub(crate) at: Timestamp,
}

#[derive(Debug)]
pub(crate) enum Written {
    /// The workload after it.
    Done(Box<WorkloadObject>),
    /// Others have changed the workload since it was read.
    Outdated,
    Gone,
}

/// Reads a workload. `None` if it or its kind does not exist.
pub(crate) async fn read(
    client: &Client,
    key: &WorkloadKey,
) -> Result<Option<WorkloadObject>, Failure> {
    let object = request(api(client, key).get_opt(&key.object.name)).await;
    object.map_err(|error| error.failure(&format!("read {key}")))
}

/// Writes, unless the workload has changed since it was read.
pub(crate) async fn write(
    client: &Client,
    key: &WorkloadKey,
    workload: &Workload,
    write: &Write,
) -> Result<Written, Failure> {
    let field_manager = Some(FIELD_MANAGER.to_owned());
    let params = PatchParams { field_manager, ..PatchParams::default() };
    let body = body(key.kind, workload, write);
    match request(api(client, key).patch(&key.object.name, &params, &Patch::Merge(body))).await {
        Ok(object) => Ok(Written::Done(Box::new(object))),
        Err(error) if error.is_conflict() => Ok(Written::Outdated),
        Err(error) if error.is_not_found() => Ok(Written::Gone),
        Err(error) => {
            let what = if write.template.is_some() { "restart" } else { "annotate" };
            Err(error.failure(&format!("{what} {key} (patch {})", key.kind.plural())))
        }
    }
}

/// A merge patch (RFC 7386), guarded by uid and resourceVersion.
fn body(kind: WorkloadKind, workload: &Workload, write: &Write) -> Value {
    let mut body = json!({
        "metadata": {
            "uid": workload.uid,
            "resourceVersion": workload.resource_version,
            "annotations": { RESTART_STATE: write.baseline },
        },
    });
    if let Some(template) = &write.template {
        let metadata = json!({ "annotations": { TEMPLATE_SECRETS: template } });
        body["spec"] = match kind {
            // A changed template would be a new version of the app, with canaries and analyses.
            WorkloadKind::Rollout => json!({ "restartAt": rfc3339_seconds(write.at) }),
            _ => json!({ "template": { "metadata": metadata } }),
        };
    }
    body
}

fn api(client: &Client, key: &WorkloadKey) -> Api<WorkloadObject> {
    Api::namespaced_with(client.clone(), &key.object.namespace, &key.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        let object = json!({ "metadata": { "uid": "u", "resourceVersion": "7" } });
        Workload::of(WorkloadKind::Deployment, &serde_json::from_value(object).unwrap())
    }

    fn restart() -> Write {
        Write { baseline: "s".into(), template: Some("mac".into()), at: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn restart_is_one_patch_under_both_guards() {
        assert_eq!(
            body(WorkloadKind::StatefulSet, &workload(), &restart()),
            json!({
                "metadata": { "uid": "u", "resourceVersion": "7", "annotations": { RESTART_STATE: "s" } },
                "spec": { "template": { "metadata": { "annotations": { TEMPLATE_SECRETS: "mac" } } } },
            })
        );
    }

    #[test]
    fn rollout_gets_a_restart_time_and_keeps_its_template() {
        let body = body(WorkloadKind::Rollout, &workload(), &restart());
        assert_eq!(body["spec"], json!({ "restartAt": "1970-01-01T00:00:00Z" }));
    }

    #[test]
    fn baseline_write_changes_no_spec() {
        let write = Write { template: None, ..restart() };
        assert_eq!(body(WorkloadKind::Deployment, &workload(), &write).get("spec"), None);
    }
}
