//! ARNs that the user gives.

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Arn {
    text: String,
    pub(crate) service: String,
    pub(crate) region: String,
    pub(crate) resource: String,
}

impl Arn {
    /// A full ARN. Only its resource may contain `*`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else { return None };
        let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let is_resource = |b: u8| b.is_ascii_alphanumeric() || b"/_+=.,@:*-".contains(&b);
        let is_valid = arn == "arn"
            && [partition, service].iter().all(|text| !text.is_empty() && is_word(text))
            && is_word(region)
            && is_account(account)
            && !resource.is_empty()
            && resource.bytes().all(is_resource);
        is_valid.then(|| Self {
            text: text.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            resource: resource.to_owned(),
        })
    }

    /// Whether it names an object of this service.
    pub(crate) fn is_of(&self, service: &str) -> bool {
        self.service == service && !self.region.is_empty()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    fn is_pattern(&self) -> bool {
        self.text.contains('*')
    }
}

/// A queue with events: `ARN`, or `ARN,role=ARN`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EventQueue {
    pub(crate) queue: Arn,
    /// The role that receives the events. None: the controller's Pod.
    pub(crate) role: Option<Arn>,
}

impl EventQueue {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (queue, of_role) = match text.split_once(",role=") {
            Some((queue, text)) => (queue, Some(role(text)?)),
            None => (text, None),
        };
        let queue = Arn::parse(queue).filter(|arn| arn.is_of("sqs"))?;
        Some(Self { queue, role: of_role })
    }
}

/// An account has twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The role of a store, if its ARN is one.
pub(crate) fn role(text: &str) -> Option<Arn> {
    let is_role =
        |arn: &Arn| arn.service == "iam" && arn.resource.starts_with("role/") && !arn.is_pattern();
    Arn::parse(text).filter(is_role)
}
