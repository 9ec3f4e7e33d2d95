//! The resources of policies, as patterns for ARNs.
//!
//! Manifests are hostile. A name such as `*` must not become a pattern that allows more than the one
//! object, so a pattern is only made of names that AWS accepts.

use crds::provider::partition;

use crate::arn::Arn;

/// Secrets Manager adds a hyphen and six random characters to the name in an ARN.
const SUFFIX_LEN: usize = 6;
const ANY_SUFFIX: &str = "-??????";

const MAX_SECRET_NAME_BYTES: usize = 512;
const MAX_PARAMETER_NAME_BYTES: usize = 1011;

/// Where the values of a store are.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) region: &'a str,
    /// `*` if it is unknown.
    pub(super) account: &'a str,
}

impl Place<'_> {
    /// The secret with this name or ARN. None if AWS accepts no such name.
    pub(super) fn secret(&self, id: &str) -> Option<String> {
        if id.starts_with("arn:") {
            let arn = Arn::parse(id)?;
            let name = arn.resource.strip_prefix("secret:")?;
            let is_secret = arn.service == "secretsmanager" && is_secret_name(name);
            // The suffix may be left out, but not in a policy.
            let suffix = if has_suffix(name) { "" } else { ANY_SUFFIX };
            return is_secret.then(|| format!("{id}{suffix}"));
        }
        is_secret_name(id).then(|| self.arn("secretsmanager", &format!("secret:{id}{ANY_SUFFIX}")))
    }

    /// All secrets whose names begin like this.
    pub(super) fn secrets(&self, start: &str) -> Option<String> {
        let is_name = start.is_empty() || is_secret_name(start);
        is_name.then(|| self.arn("secretsmanager", &format!("secret:{start}*")))
    }

    /// The parameter with this name or ARN, without a version.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        if name.starts_with("arn:") {
            let arn = Arn::parse(name)?;
            let path = arn.resource.strip_prefix("parameter")?;
            return (arn.service == "ssm" && is_parameter_name(path)).then(|| name.to_owned());
        }
        let is_name = is_parameter_name(name);
        is_name.then(|| self.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/'))))
    }

    /// All parameters whose names begin like this.
    pub(super) fn parameters(&self, start: &str) -> Option<String> {
        let is_name = start.is_empty() || is_parameter_name(start);
        let start = start.trim_start_matches('/');
        is_name.then(|| self.arn("ssm", &format!("parameter/{start}*")))
    }

    /// The endpoint through which a service uses keys of KMS.
    pub(super) fn endpoint(&self, service: &str) -> String {
        let domain =
            if partition(self.region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("{service}.{}.{domain}", self.region)
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Self { region, account } = self;
        format!("arn:{}:{service}:{region}:{account}:{resource}", partition(region))
    }
}

fn is_secret_name(name: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    (1..=MAX_SECRET_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_valid)
}

fn is_parameter_name(name: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte);
    (1..=MAX_PARAMETER_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_valid)
}

/// AWS advises against names that end as if they had a suffix.
fn has_suffix(name: &str) -> bool {
    let suffix = name.rsplit_once('-').map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| {
        suffix.len() == SUFFIX_LEN && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arn::role;

    #[test]
    fn resources_have_the_partition_of_their_region() {
        for (region, secret) in [
            ("eu-west-1", "arn:aws:secretsmanager:eu-west-1:*:secret:app/db-??????"),
            ("cn-north-1", "arn:aws-cn:secretsmanager:cn-north-1:*:secret:app/db-??????"),
            ("us-gov-west-1", "arn:aws-us-gov:secretsmanager:us-gov-west-1:*:secret:app/db-??????"),
        ] {
            assert_eq!(Place { region, account: "*" }.secret("app/db").unwrap(), secret);
        }
        let china = Place { region: "cn-north-1", account: "*" };
        assert_eq!(china.endpoint("ssm"), "ssm.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn names_and_arns_become_one_object() {
        let place = Place { region: "eu-west-1", account: "123456789012" };
        let full = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:db-AbCdEf";
        assert_eq!(place.secret(full).unwrap(), full);
        let partial = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:db";
        assert_eq!(place.secret(partial).unwrap(), format!("{partial}-??????"));
        let parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b";
        for name in ["/a/b", "a/b", parameter] {
            assert_eq!(place.parameter(name).unwrap(), parameter, "{name}");
        }
    }

    #[test]
    fn hostile_name_never_becomes_a_pattern() {
        let place = Place { region: "eu-west-1", account: "*" };
        for name in ["*", "a*", "a?", "${aws:username}", "a b", "a\"", "", "é", "a:b"] {
            assert_eq!(place.secret(name), None, "{name}");
            assert_eq!(place.parameter(name), None, "{name}");
        }
        for path in ["*", "a?", "${x}"] {
            assert_eq!(place.secrets(path), None, "{path}");
            assert_eq!(place.parameters(path), None, "{path}");
        }
        for arn in [
            "arn:aws:secretsmanager:eu-west-1:*:secret:a",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:*",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b",
            "arn:aws:secretsmanager:*:123456789012:secret:a",
            "arn:aws:iam::123456789012:role/a",
        ] {
            assert_eq!(place.secret(arn), None, "{arn}");
        }
        assert_eq!(place.parameter("arn:aws:ssm:eu-west-1:123456789012:parameter/*"), None);
        assert_eq!(role("arn:aws:iam::123456789012:role/*"), None);
        assert!(role("arn:aws:iam::123456789012:role/team/reader").is_some());
    }
}
