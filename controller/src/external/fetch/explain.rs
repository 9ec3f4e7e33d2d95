//! The error message of a failed read, with its remedy.

use super::store::ReadableStore;
use crate::{
    aws::{ReadError, ReadRequest, Version, error::Rejection, resource::resource},
    reason::{Failure, Reason},
};

pub(super) fn explain(error: &ReadError, request: &ReadRequest, store: &ReadableStore) -> Failure {
    let (region, store) = (store.region.as_str(), &store.name);
    if let Some(detail) = &error.detail {
        return Failure::new(error.reason, detail.clone());
    }
    let (kind, name) = match request {
        ReadRequest::Secret { id, .. } | ReadRequest::SecretTags { id } => ("secret", Some(id)),
        ReadRequest::Parameter { name } | ReadRequest::ParameterTags { name } => {
            ("parameter", Some(name))
        }
        ReadRequest::ParametersBelow { path } => ("parameters below", Some(path)),
        ReadRequest::SecretNames(_) | ReadRequest::ParameterNames(_) => ("list", None),
    };
    let version = match request {
        ReadRequest::Secret { version: Version::Stage(stage), .. } if stage != Version::CURRENT => {
            format!(" in version {}", stage.escape_debug())
        }
        ReadRequest::Secret { version: Version::Id(id), .. } => {
            format!(" in version {}", id.escape_debug())
        }
        _ => String::new(),
    };
    let what = name.map_or_else(
        || format!("the {kind}"),
        |name| format!("{kind} `{}`{version}", name.escape_debug()),
    );
    let resource = resource(request, region);
    let action = error.action;
    let message = match error.reason {
        Reason::NotFound => format!("{what} not found in {region} for {store}"),
        Reason::MarkedForDeletion => {
            format!("{what} is marked for deletion in AWS: restore it, or remove the reference")
        }
        Reason::AccessDenied if error.rejected.is_some() => format!(
            "AWS rejects the credentials of {store}: {}",
            match error.rejected {
                Some(Rejection::Expired) => "they have expired",
                Some(Rejection::Signature) =>
                    "invalid secret access key, or the controller node's clock is skewed",
                Some(Rejection::Unknown) | None => "AWS does not know them",
            }
        ),
        Reason::AccessDenied => {
            format!("AWS denies {action} on {resource}: allow it to the role of {store}")
        }
        Reason::KmsDenied => format!(
            "AWS denies kms:Decrypt for {what}: allow the role of {store} to use its KMS key"
        ),
        Reason::Throttled => format!("AWS throttles requests ({action} on {resource})"),
        Reason::Timeout => format!("AWS timed out ({action} on {resource})"),
        Reason::Malformed => {
            format!("AWS rejects the request for {what} as invalid: check its name")
        }
        _ => format!("AWS is unreachable or fails ({action} on {resource})"),
    };
    Failure::new(error.reason, message)
}
