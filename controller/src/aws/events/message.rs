//! The messages that `EventBridge` puts into a queue, parsed: pure.

#[cfg(test)]
mod tests;

use crds::secret_store::AwsService;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::aws::read::Version;

/// `EventBridge`'s own limit of an event.
const MAX_BODY_BYTES: usize = 256 << 10;
/// Longer than any name or ARN in AWS.
const MAX_NAME_BYTES: usize = 2048;
/// The length of the hyphen and six characters at the end of a secret's ARN.
const ARN_SUFFIX_LEN: usize = 7;

/// Somebody may have changed a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Hint {
    pub(crate) service: AwsService,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) name: String,
    /// The whole ARN of a secret.
    pub(crate) arn: Option<String>,
    /// The label that is on another version now. None: all versions may have changed.
    pub(crate) label: Option<String>,
    /// The id of that version.
    pub(crate) version: Option<String>,
    pub(crate) at: Timestamp,
}

/// The message is no event, so the redrive policy of the queue decides what happens to it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Malformed;

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "detail-type")]
    detail_type: String,
    source: String,
    account: String,
    region: String,
    time: Timestamp,
    #[serde(default)]
    resources: Vec<String>,
    detail: Value,
}

/// The secret that changed, by the name or the ARN in the event.
struct Changed<'d> {
    id: &'d str,
    label: Option<&'d str>,
    version: Option<&'d str>,
}

/// The hint in a message. None: the event is about something else.
pub(super) fn parse(body: &str) -> Result<Option<Hint>, Malformed> {
    if body.len() > MAX_BODY_BYTES {
        return Err(Malformed);
    }
    let mut body: Value = serde_json::from_str(body).map_err(|_| Malformed)?;
    // SNS puts the event into a message of its own, unless raw delivery is on.
    if body["Type"] == "Notification" {
        let event = body["Message"].as_str().ok_or(Malformed)?;
        body = serde_json::from_str(event).map_err(|_| Malformed)?;
    }
    let event: Event = serde_json::from_value(body).map_err(|_| Malformed)?;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_account = event.account.len() == 12 && event.account.bytes().all(|b| b.is_ascii_digit());
    if !is_account || !event.region.bytes().all(is_letter) || event.region.len() > 63 {
        return Err(Malformed);
    }
    Ok(event.hint().filter(|hint| (1..=MAX_NAME_BYTES).contains(&hint.name.len())))
}

impl Event {
    fn hint(self) -> Option<Hint> {
        let detail = &self.detail;
        match (self.source.as_str(), self.detail_type.as_str()) {
            ("aws.secretsmanager", "Secret Label Updated") => {
                let id = self.resources.first().map(String::as_str);
                let id = id.or_else(|| detail["name"].as_str())?;
                let label = detail["labelUpdated"].as_str()?;
                let version = detail["versionId"].as_str();
                self.secret(&Changed { id, label: Some(label), version })
            }
            (
                "aws.secretsmanager",
                "AWS API Call via CloudTrail" | "AWS Service Event via CloudTrail",
            ) if detail["errorCode"].is_null() => self.secret(&trail(detail)?),
            ("aws.ssm", "Parameter Store Change") => {
                let name = detail["name"].as_str()?.to_owned();
                Some(self.of(AwsService::ParameterStore, name))
            }
            _ => None,
        }
    }

    fn secret(&self, changed: &Changed<'_>) -> Option<Hint> {
        // While a rotation prepares a version, the value is still the old one.
        if changed.label.is_some_and(|label| ["AWSPENDING", "AWSPREVIOUS"].contains(&label)) {
            return None;
        }
        let is_arn = changed.id.starts_with("arn:");
        let last = if is_arn { changed.id.splitn(7, ':').nth(6)? } else { changed.id };
        let stem = Some(last).filter(|_| is_arn).and_then(without_suffix);
        let name = self.detail["name"].as_str().or(stem).unwrap_or(last).to_owned();
        Some(Hint {
            arn: stem.map(|_| changed.id.to_owned()),
            label: changed.label.map(ToOwned::to_owned),
            version: changed.version.map(ToOwned::to_owned),
            ..self.of(AwsService::SecretsManager, name)
        })
    }

    fn of(&self, service: AwsService, name: String) -> Hint {
        let (account, region) = (self.account.clone(), self.region.clone());
        let (arn, label, version) = (None, None, None);
        Hint { service, account, region, name, arn, label, version, at: self.time }
    }
}

/// The change in a record of `CloudTrail`. The key of an ARN has two spellings.
fn trail(detail: &Value) -> Option<Changed<'_>> {
    let (request, response) = (&detail["requestParameters"], &detail["responseElements"]);
    let id = [&response["arn"], &response["aRN"], &request["secretId"], &request["name"]]
        .into_iter()
        .chain([&detail["additionalEventData"]["SecretId"]])
        .find_map(Value::as_str)?;
    let token = || request["clientRequestToken"].as_str();
    let version = response["versionId"].as_str().or_else(token);
    let current = Some(Version::CURRENT);
    match detail["eventName"].as_str()? {
        "CreateSecret" | "UpdateSecret" => Some(Changed { id, label: current, version }),
        "PutSecretValue" => {
            let labels = request["versionStages"].as_array();
            let mut named = labels.into_iter().flatten().filter_map(Value::as_str);
            let first = named.clone().next();
            let is_current = labels.is_none() || named.any(|label| label == Version::CURRENT);
            let label = if is_current { current } else { first };
            Some(Changed { id, label: Some(label?), version })
        }
        "UpdateSecretVersionStage" => {
            let label = request["versionStage"].as_str()?;
            Some(Changed { id, label: Some(label), version: request["moveToVersionId"].as_str() })
        }
        "RotationSucceeded" => Some(Changed { id, label: current, version: None }),
        "DeleteSecret" | "RestoreSecret" => Some(Changed { id, label: None, version: None }),
        _ => None,
    }
}

/// The ARN or the name at its end, without what AWS adds.
pub(crate) fn without_suffix(arn: &str) -> Option<&str> {
    let (stem, suffix) = arn.split_at_checked(arn.len().checked_sub(ARN_SUFFIX_LEN)?)?;
    let suffix = suffix.strip_prefix('-')?;
    suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(stem)
}
