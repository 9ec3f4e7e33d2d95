//! Makes the one write that a plan asks for. Nothing else writes workloads.

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    STATE, TEMPLATE,
    workload::{Kind, Workload, WorkloadKey, WorkloadObject},
};
use crate::{reason::Failure, runtime::FIELD_MANAGER, runtime::api::request};

/// What to write.
#[derive(Clone, Debug)]
pub struct Write {
    /// The annotation with the baseline.
    pub state: String,
    /// What restarts the Pods; none to write the baseline alone.
    pub restart: Option<Restart>,
}

/// What restarts the Pods.
#[derive(Clone, Debug)]
pub struct Restart {
    /// The annotation of the Pod template.
    pub template: String,
    /// For a Rollout: it restarts the Pods that are older, within the bounds of its strategy.
    pub at: Timestamp,
}

/// What became of it.
#[derive(Debug)]
pub enum Written {
    /// This.
    Done(Box<WorkloadObject>),
    /// Others changed the workload: look again.
    Outdated,
    /// It is gone.
    Gone,
}

/// Reads a workload; none when it does not exist, or its kind does not.
///
/// # Errors
/// What the API server refuses.
pub async fn read(client: &Client, key: &WorkloadKey) -> Result<Option<WorkloadObject>, Failure> {
    request(api(client, key).get_opt(&key.object.name))
        .await
        .map_err(|error| error.failure(&format!("read {key}")))
}

/// Writes, unless the workload is another one by now than the one that was decided on.
///
/// # Errors
/// What the API server refuses.
pub async fn write(
    client: &Client,
    key: &WorkloadKey,
    workload: &Workload,
    write: &Write,
) -> Result<Written, Failure> {
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
    let body = body(key.kind, workload, write);
    match request(api(client, key).patch(&key.object.name, &params, &Patch::Merge(body))).await {
        Ok(object) => Ok(Written::Done(Box::new(object))),
        Err(error) if error.is_conflict() => Ok(Written::Outdated),
        Err(error) if error.is_not_found() => Ok(Written::Gone),
        Err(error) => {
            let what = if write.restart.is_some() { "restart" } else { "annotate" };
            Err(error.failure(&format!("{what} {key} (patch {})", key.kind.plural())))
        }
    }
}

/// A merge patch (RFC 7386), guarded by uid and resourceVersion.
fn body(kind: Kind, workload: &Workload, write: &Write) -> Value {
    let mut body = json!({
        "metadata": {
            "uid": workload.uid,
            "resourceVersion": workload.resource_version,
            "annotations": { STATE: write.state },
        },
    });
    match &write.restart {
        // A change of the template would be a new version of the app, with canaries and analyses.
        Some(restart) if kind == Kind::Rollout => {
            body["spec"] = json!({ "restartAt": second(restart.at) });
        }
        Some(restart) => {
            let metadata = json!({ "annotations": { TEMPLATE: restart.template } });
            body["spec"] = json!({ "template": { "metadata": metadata } });
        }
        None => {}
    }
    body
}

fn api(client: &Client, key: &WorkloadKey) -> Api<WorkloadObject> {
    Api::namespaced_with(client.clone(), &key.object.namespace, &key.kind)
}

fn second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).expect("a second of a time is a time").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        let object = json!({ "metadata": { "uid": "u", "resourceVersion": "7" } });
        Workload::of(Kind::Deployment, &serde_json::from_value(object).unwrap())
    }

    fn restart() -> Write {
        let restart = Restart { template: "mac".into(), at: Timestamp::UNIX_EPOCH };
        Write { state: "s".into(), restart: Some(restart) }
    }

    #[test]
    fn a_restart_is_one_patch_under_both_guards() {
        assert_eq!(
            body(Kind::StatefulSet, &workload(), &restart()),
            json!({
                "metadata": { "uid": "u", "resourceVersion": "7", "annotations": { STATE: "s" } },
                "spec": { "template": { "metadata": { "annotations": { TEMPLATE: "mac" } } } },
            })
        );
    }

    #[test]
    fn a_rollout_is_told_when_and_its_template_stays() {
        let body = body(Kind::Rollout, &workload(), &restart());
        assert_eq!(body["spec"], json!({ "restartAt": "1970-01-01T00:00:00Z" }));
    }

    #[test]
    fn a_baseline_alone_touches_no_spec() {
        let write = Write { restart: None, ..restart() };
        assert_eq!(body(Kind::Deployment, &workload(), &write).get("spec"), None);
    }
}
