//! The events of AWS, as `EventBridge` puts them into a queue.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::moto::REGION;

/// The account of every resource in moto.
pub const ACCOUNT: &str = "123456789012";

/// A label of a secret is on this version now.
pub fn label_updated(arn: &str, name: &str, label: &str, version: &str) -> Value {
    let detail = json!({ "name": name, "labelUpdated": label, "versionId": version });
    event("aws.secretsmanager", "Secret Label Updated", &[arn], &detail)
}

/// AWS has answered a request for a new current version with this.
pub fn value_put(answer: &Value) -> Value {
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    label_updated(text("ARN"), text("Name"), "AWSCURRENT", text("VersionId"))
}

/// `CloudTrail` has recorded this operation on a secret.
pub fn trail(operation: &str, name: &str) -> Value {
    let detail = json!({
        "eventName": operation, "requestParameters": { "secretId": name },
        "responseElements": { "name": name },
    });
    event("aws.secretsmanager", "AWS API Call via CloudTrail", &[], &detail)
}

/// This operation, such as `Update`, has changed a parameter.
pub fn parameter_changed(operation: &str, name: &str) -> Value {
    let detail = json!({ "operation": operation, "name": name, "type": "String" });
    event("aws.ssm", "Parameter Store Change", &[], &detail)
}

fn event(source: &str, detail_type: &str, resources: &[&str], detail: &Value) -> Value {
    json!({
        "version": "0", "id": "2b1d8f1c", "source": source, "detail-type": detail_type,
        "account": ACCOUNT, "time": format!("{:.0}", Timestamp::now()), "region": REGION,
        "resources": resources, "detail": detail,
    })
}
