use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db-AbCdEf";

fn event(source: &str, detail_type: &str, resources: &[&str], detail: &Value) -> Value {
    json!({
        "version": "0", "id": "2b1d8f1c", "source": source, "detail-type": detail_type,
        "account": "123456789012", "time": "2026-11-30T12:00:00Z", "region": "eu-west-1",
        "resources": resources, "detail": detail,
    })
}

fn native(label: &str) -> Value {
    let detail = json!({ "name": "team/db", "labelUpdated": label, "versionId": "v2" });
    event("aws.secretsmanager", "Secret Label Updated", &[ARN], &detail)
}

fn trail_of(name: &str, request: &Value, response: &Value) -> Value {
    let detail = json!({
        "eventSource": "secretsmanager.amazonaws.com", "eventName": name,
        "requestParameters": request, "responseElements": response,
    });
    event("aws.secretsmanager", "AWS API Call via CloudTrail", &[], &detail)
}

fn hint(event: &Value) -> Option<Hint> {
    parse(&event.to_string()).unwrap()
}

/// Name, ARN, label and version.
type Said = (String, Option<String>, Option<String>, Option<String>);

fn said(event: &Value) -> Option<Said> {
    let Hint { name, arn, label, version, .. } = hint(event)?;
    Some((name, arn, label, version))
}

fn expected(arn: Option<&str>, label: Option<&str>, version: Option<&str>) -> Said {
    let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
    ("team/db".to_owned(), owned(arn), owned(label), owned(version))
}

#[test]
fn native_event_names_secret_label_and_version() {
    let hint = hint(&native("AWSCURRENT")).unwrap();
    assert_eq!((hint.service, hint.region.as_str()), (AwsService::SecretsManager, "eu-west-1"));
    assert_eq!((hint.account.as_str(), hint.at.as_second()), ("123456789012", 1_796_040_000));
    let label = said(&native("AWSCURRENT"));
    assert_eq!(label, Some(expected(Some(ARN), Some("AWSCURRENT"), Some("v2"))));
    let custom = said(&native("blue"));
    assert_eq!(custom, Some(expected(Some(ARN), Some("blue"), Some("v2"))));
}

#[test]
fn rotation_hints_only_when_the_new_version_is_current() {
    let put = |stages: &Value| {
        let request =
            json!({ "secretId": ARN, "clientRequestToken": "v2", "versionStages": stages });
        trail_of("PutSecretValue", &request, &Value::Null)
    };
    let step = |label: &str| {
        let request = json!({ "secretId": ARN, "versionStage": label, "moveToVersionId": "v2" });
        trail_of("UpdateSecretVersionStage", &request, &json!({ "arn": ARN }))
    };
    for pending in [
        native("AWSPENDING"),
        native("AWSPREVIOUS"),
        put(&json!(["AWSPENDING"])),
        put(&json!([])),
        step("AWSPENDING"),
        trail_of("RotateSecret", &json!({ "secretId": ARN }), &json!({ "arn": ARN })),
    ] {
        assert_eq!(hint(&pending), None, "{pending}");
    }
    let current = Some(expected(Some(ARN), Some("AWSCURRENT"), Some("v2")));
    assert_eq!(said(&step("AWSCURRENT")), current);
    assert_eq!(said(&put(&json!(["AWSPENDING", "AWSCURRENT"]))), current);
    assert_eq!(said(&put(&Value::Null)), current);
    let detail =
        json!({ "eventName": "RotationSucceeded", "additionalEventData": { "SecretId": ARN } });
    let done = event("aws.secretsmanager", "AWS Service Event via CloudTrail", &[], &detail);
    assert_eq!(said(&done), Some(expected(Some(ARN), Some("AWSCURRENT"), None)));
}

#[test]
fn trail_names_the_secret_in_each_of_its_forms() {
    let partial = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db";
    for (request, response, arn) in [
        (json!({ "secretId": "team/db" }), json!({ "arn": ARN }), Some(ARN)),
        (json!({ "secretId": "team/db" }), json!({ "aRN": ARN }), Some(ARN)),
        (json!({ "secretId": ARN }), Value::Null, Some(ARN)),
        (json!({ "secretId": partial }), Value::Null, None),
        (json!({ "secretId": "team/db" }), Value::Null, None),
    ] {
        for name in ["DeleteSecret", "RestoreSecret"] {
            let event = trail_of(name, &request, &response);
            assert_eq!(said(&event), Some(expected(arn, None, None)), "{event}");
        }
    }
    let mut failed = trail_of("DeleteSecret", &json!({ "secretId": ARN }), &Value::Null);
    failed["detail"]["errorCode"] = json!("AccessDenied");
    assert_eq!(hint(&failed), None, "a call that failed changed nothing");
    let read = trail_of("GetSecretValue", &json!({ "secretId": ARN }), &Value::Null);
    assert_eq!(hint(&read), None);
}

#[test]
fn changed_parameter_is_a_hint_without_a_version() {
    for operation in ["Create", "Update", "Delete", "LabelParameterVersion"] {
        let detail = json!({ "operation": operation, "name": "/team/db", "type": "SecureString" });
        let hint = hint(&event("aws.ssm", "Parameter Store Change", &[], &detail)).unwrap();
        assert_eq!((hint.service, hint.name.as_str()), (AwsService::ParameterStore, "/team/db"));
        assert_eq!((hint.label, hint.version), (None, None));
    }
}

#[test]
fn event_within_a_message_of_sns_is_read() {
    let inner = native("AWSCURRENT");
    let wrapped = json!({ "Type": "Notification", "Message": inner.to_string() });
    assert_eq!(hint(&wrapped), hint(&inner));
}

#[test]
fn other_events_are_ignored_and_other_messages_are_malformed() {
    let other = event("aws.ec2", "EC2 Instance State-change Notification", &[], &json!({}));
    assert_eq!(hint(&other), None);
    let mut long = native("AWSCURRENT");
    long["detail"]["name"] = json!("n".repeat(MAX_NAME_BYTES + 1));
    assert_eq!(hint(&long), None);
    let mut nowhere = native("AWSCURRENT");
    nowhere["region"] = json!("eu-west-1/../x");
    let mut nobody = native("AWSCURRENT");
    nobody["account"] = json!("12345678901x");
    let huge = native(&"x".repeat(MAX_BODY_BYTES));
    let nested = "[".repeat(100_000);
    for body in ["", "{}", "null", "[]", &nested]
        .map(ToOwned::to_owned)
        .into_iter()
        .chain([nowhere, nobody, huge].map(|event| event.to_string()))
    {
        assert_eq!(parse(&body), Err(Malformed), "{body:.60}");
    }
}
