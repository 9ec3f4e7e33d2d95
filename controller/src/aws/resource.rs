//! The resource of a request.

use crate::aws::read::ReadRequest;

/// The resource as IAM policies write it.
pub(crate) fn resource(request: &ReadRequest, region: &str) -> String {
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    match request {
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
    fn resources_are_written_as_in_policies() {
        for (request, region, expected) in [
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
            assert_eq!(resource(&request, region), expected);
        }
    }
}
