//! Sources of a Pod's credentials on EKS and EC2: the Pod Identity agent and the instance metadata.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// The authorization that the Pod Identity agent requires.
pub const TOKEN: &str = "token-of-the-pod";
/// The agent's path.
pub const PATH: &str = "/pod-identity";
/// The access key id of the agent's credentials.
pub const OF_POD_IDENTITY: &str = "of-pod-identity";
/// The access key id of the instance's credentials.
pub const OF_INSTANCE: &str = "of-instance";

const SESSION: &str = "/latest/api/token";
const SESSION_TOKEN: &str = "session-of-imds";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The response, if the path belongs to one of the two.
pub(super) fn answer(path: &str, headers: &HeaderMap) -> Option<Response> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let has_session = header("x-aws-ec2-metadata-token") == Some(SESSION_TOKEN);
    Some(match path {
        PATH if header(header::AUTHORIZATION.as_str()) == Some(TOKEN) => {
            credentials(OF_POD_IDENTITY)
        }
        SESSION => {
            let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")];
            (lifetime, SESSION_TOKEN).into_response()
        }
        ROLES if has_session => "role".into_response(),
        _ if has_session && path.strip_prefix(ROLES) == Some("role") => credentials(OF_INSTANCE),
        _ if path == PATH || path.starts_with(ROLES) => StatusCode::UNAUTHORIZED.into_response(),
        _ if path.starts_with("/latest/") => StatusCode::NOT_FOUND.into_response(),
        _ => return None,
    })
}

fn credentials(id: &str) -> Response {
    let body = json!({
        "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": id, "SecretAccessKey": "key", "Token": "session",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
