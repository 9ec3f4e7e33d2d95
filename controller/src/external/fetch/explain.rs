//! What went wrong with a request to AWS, and what to do.

use super::Source;
use crate::{
    aws::{ReadError, ReadRequest, Version, error::Refused},
    reason::{Failure, Reason},
};

/// What went wrong, and what to do.
pub(super) fn explained(error: &ReadError, want: &ReadRequest, source: &Source) -> Failure {
    let store = &source.store;
    if let Some(detail) = &error.detail {
        return Failure::new(error.reason, detail.clone());
    }
    let (kind, name) = match want {
        ReadRequest::Secret { id, .. } | ReadRequest::SecretTags { id } => ("secret", Some(id)),
        ReadRequest::Parameter { name } | ReadRequest::ParameterTags { name } => {
            ("parameter", Some(name))
        }
        ReadRequest::ParametersBelow { path } => ("parameters below", Some(path)),
        ReadRequest::SecretNames(_) | ReadRequest::ParameterNames(_) => ("list", None),
    };
    let version = match want {
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
    let resource = resource(want, &source.region);
    let action = error.action;
    let message = match error.reason {
        Reason::NotFound => format!("there is no {what} in {} for {store}", source.region),
        Reason::MarkedForDeletion => {
            format!("{what} is marked for deletion in AWS: restore it, or remove the reference")
        }
        Reason::AccessDenied if error.refused.is_some() => format!(
            "AWS does not take the credentials of {store}: {}",
            match error.refused {
                Some(Refused::Expired) => "they have expired",
                Some(Refused::Signature) =>
                    "the secret access key is wrong, or the clock of the controller's node is",
                Some(Refused::Unknown) | None => "it does not know them",
            }
        ),
        Reason::AccessDenied => {
            format!("AWS denies {action} on {resource}: allow it to the role of {store}")
        }
        Reason::KmsDenied => format!(
            "AWS denies kms:Decrypt for {what}: allow the role of {store} to use its KMS key"
        ),
        Reason::Throttled => format!("AWS asks for fewer requests ({action} on {resource})"),
        Reason::Timeout => format!("AWS did not answer in time ({action} on {resource})"),
        Reason::Malformed => format!("AWS finds the request for {what} invalid: check its name"),
        _ => format!("AWS cannot be reached, or fails ({action} on {resource})"),
    };
    Failure::new(error.reason, message)
}

/// The resource as IAM's policies write it.
pub(crate) fn resource(want: &ReadRequest, region: &str) -> String {
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    match want {
        ReadRequest::Secret { id: arn, .. }
        | ReadRequest::SecretTags { id: arn }
        | ReadRequest::Parameter { name: arn }
        | ReadRequest::ParameterTags { name: arn }
            if arn.starts_with("arn:") =>
        {
            arn.escape_debug().to_string()
        }
        ReadRequest::Secret { id, .. } | ReadRequest::SecretTags { id } => {
            format!("arn:{partition}:secretsmanager:{region}:*:secret:{}-??????", id.escape_debug())
        }
        ReadRequest::Parameter { name }
        | ReadRequest::ParameterTags { name }
        | ReadRequest::ParametersBelow { path: name } => {
            let name = name.split(':').next().unwrap_or_default().trim_start_matches('/');
            format!("arn:{partition}:ssm:{region}:*:parameter/{}", name.escape_debug())
        }
        ReadRequest::SecretNames(_) | ReadRequest::ParameterNames(_) => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_written_as_policies_have_them() {
        for (want, region, expected) in [
            (
                ReadRequest::current("a"),
                "eu-west-1",
                "arn:aws:secretsmanager:eu-west-1:*:secret:a-??????",
            ),
            (
                ReadRequest::current("a"),
                "cn-north-1",
                "arn:aws-cn:secretsmanager:cn-north-1:*:secret:a-??????",
            ),
            (ReadRequest::current("arn:aws:x\n"), "eu-west-1", "arn:aws:x\\n"),
            (
                ReadRequest::Parameter { name: "/a/b:3".into() },
                "us-gov-west-1",
                "arn:aws-us-gov:ssm:us-gov-west-1:*:parameter/a/b",
            ),
            (
                ReadRequest::Parameter { name: "arn:aws:ssm:r:1:parameter/a".into() },
                "eu-west-1",
                "arn:aws:ssm:r:1:parameter/a",
            ),
        ] {
            assert_eq!(resource(&want, region), expected);
        }
    }
}
