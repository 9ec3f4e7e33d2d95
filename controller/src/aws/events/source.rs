//! A queue in a flag, and the part of the controller that gets its hints.

use std::str::FromStr;

use super::message::Hint;
use crate::reason::Failure;

/// Where events come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EventQueue {
    pub(crate) url: String,
    pub(crate) region: String,
    /// The role to assume with the credentials of the controller's Pod.
    pub(crate) role: Option<String>,
}

/// Gets the hints, and how the queues are. A queue has the number of its place among the settings.
pub(crate) trait EventSubscriber: Send + Sync + 'static {
    fn hinted(&self, queue: usize, hint: &Hint);

    /// Called after each poll.
    fn polled(&self, queue: usize, failure: Option<&Failure>);
}

impl EventQueue {
    /// The last part of the URL.
    pub(crate) fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    /// The endpoint of SQS, unless it is the region's own.
    pub(super) fn endpoint(&self) -> Option<String> {
        let (scheme, rest) = self.url.split_once("://")?;
        let host = rest.split('/').next()?;
        region_of(host).is_none().then(|| format!("{scheme}://{host}"))
    }
}

/// The region of a host such as `sqs.eu-west-1.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let (region, domain) = host.strip_prefix("sqs.")?.split_once('.')?;
    matches!(domain, "amazonaws.com" | "amazonaws.com.cn").then_some(region)
}

/// `URL`, then `,region=REGION` and `,role=ARN` if needed.
impl FromStr for EventQueue {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let url = parts.next().unwrap_or_default().trim_end_matches('/');
        let invalid =
            "not the URL of a queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/NAME";
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let (host, path) = rest.and_then(|rest| rest.split_once('/')).ok_or(invalid)?;
        if host.is_empty() || path.is_empty() || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid);
        }
        let (mut region, mut role) = (region_of(host), None);
        for part in parts {
            match part.split_once('=') {
                Some(("region", value)) if !value.is_empty() => region = Some(value),
                Some(("role", value)) if value.starts_with("arn:") => role = Some(value.to_owned()),
                _ => {
                    return Err(
                        "after the URL of a queue, only region=REGION and role=ARN may follow",
                    );
                }
            }
        }
        let region = region.ok_or("its URL names no region: add `,region=REGION`")?.to_owned();
        Ok(Self { url: url.to_owned(), region, role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queue_is_a_url_with_a_region_and_a_role() {
        let of = |text: &str| text.parse::<EventQueue>();
        let own = of("https://sqs.eu-west-1.amazonaws.com/123456789012/changes").unwrap();
        assert_eq!((own.region.as_str(), own.name()), ("eu-west-1", "changes"));
        assert_eq!((own.role.clone(), own.endpoint()), (None, None));
        let china = of("https://sqs.cn-north-1.amazonaws.com.cn/1/q,role=arn:aws-cn:iam::1:role/r");
        assert_eq!(china.unwrap().role.as_deref(), Some("arn:aws-cn:iam::1:role/r"));
        let other = of("http://127.0.0.1:4566/000000000000/changes,region=eu-west-1").unwrap();
        assert_eq!(other.endpoint().as_deref(), Some("http://127.0.0.1:4566"));
        for wrong in [
            "",
            "changes",
            "arn:aws:sqs:eu-west-1:1:changes",
            "https://sqs.eu-west-1.amazonaws.com",
            "http://127.0.0.1:4566/0/changes",
            "https://sqs.eu-west-1.amazonaws.com/1/q,role=reader",
            "https://sqs.eu-west-1.amazonaws.com/1/q,roles=arn:aws:iam::1:role/r",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
