//! AWS Secrets Manager.

use aws_sdk_secretsmanager::types::{Filter as SecretFilter, FilterNameStringType};
use aws_smithy_types::Blob;
use zeroize::Zeroizing;

use super::{Operation, PAGES, Service, as_json};
use crate::{
    aws::{
        Answer, Filter, ReadError, Value, Version, Want, error::Refusal, planner::Answers,
        want::Read,
    },
    reason::Reason,
};

/// The action that batches need, on `*`.
pub const GET_BATCH: &str = "secretsmanager:BatchGetSecretValue";

/// How many secrets `BatchGetSecretValue` takes.
pub(super) const BATCH: usize = 20;
/// The hyphen and six characters at the end of a secret's ARN.
const SUFFIX: usize = 7;
/// Entries a page of `ListSecrets`.
const PAGE: i32 = 100;

const SECRETS_MANAGER: &str = "AWS/SecretsManager";
const GET_SECRET: Operation =
    Operation(SECRETS_MANAGER, "GetSecretValue", "secretsmanager:GetSecretValue");
const BATCH_SECRETS: Operation = Operation(SECRETS_MANAGER, "BatchGetSecretValue", GET_BATCH);
const DESCRIBE_SECRET: Operation =
    Operation(SECRETS_MANAGER, "DescribeSecret", "secretsmanager:DescribeSecret");
const LIST_SECRETS: Operation =
    Operation(SECRETS_MANAGER, "ListSecrets", "secretsmanager:ListSecrets");

impl Service {
    pub(super) async fn secret(&self, id: &str, version: &Version) -> Result<Answer, ReadError> {
        let answer = self.call(GET_SECRET, || {
            let request = self.secrets.get_secret_value().secret_id(id);
            match version {
                Version::Stage(stage) => request.version_stage(stage),
                Version::Id(id) => request.version_id(id),
            }
            .send()
        });
        let answer = answer.await?;
        let read = read(answer.version_id, answer.created_date.map(|date| date.secs()));
        value(answer.secret_string, answer.secret_binary, read, GET_SECRET)
    }

    pub(super) async fn secrets(&self, wants: Vec<Want>) -> Result<Answers, ReadError> {
        let ids = |want: &Want| match want {
            Want::Secret { id, .. } => Some(id.clone()),
            _ => None,
        };
        let ids: Vec<_> = wants.iter().filter_map(ids).collect();
        let answer = self.call(BATCH_SECRETS, || {
            self.secrets.batch_get_secret_value().set_secret_id_list(Some(ids.clone())).send()
        });
        let answer = answer.await?;
        let mut answers = Answers::new();
        for entry in answer.secret_values.unwrap_or_default() {
            // Which version a batch gives cannot be asked for: another one is read singly.
            if !entry.version_stages().iter().any(|stage| stage == Version::CURRENT) {
                continue;
            }
            let created = entry.created_date.map(|date| date.secs());
            let read = read(entry.version_id.clone(), created);
            let (name, arn) = (entry.name.unwrap_or_default(), entry.arn.unwrap_or_default());
            let value = value(entry.secret_string, entry.secret_binary, read, BATCH_SECRETS);
            // By name and by ARN it may have been asked for twice.
            for want in &wants {
                let is_it = matches!(want, Want::Secret { id, .. } if is_named(id, &name, &arn));
                if is_it {
                    answers.insert(want.clone(), value.clone());
                }
            }
        }
        for error in answer.errors.unwrap_or_default() {
            let is_it = |want: &&Want| matches!(want, Want::Secret { id, .. } if Some(id) == error.secret_id.as_ref());
            let Some(want) = wants.iter().find(is_it) else { continue };
            let refusal = Refusal {
                code: error.error_code.as_deref(),
                message: error.message.as_deref(),
                status: None,
            };
            answers.insert(want.clone(), Err(ReadError::meaning(refusal, GET_SECRET.2)));
        }
        Ok(answers)
    }

    pub(super) async fn secret_tags(&self, id: &str) -> Result<Answer, ReadError> {
        let answer = self
            .call(DESCRIBE_SECRET, || self.secrets.describe_secret().secret_id(id).send())
            .await?;
        let tags = answer.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
        Ok(as_json(tags))
    }

    /// The names of all secrets that have the path and the tags, exactly: AWS's filters find those
    /// whose tags only begin so, and do not hold keys and values together.
    pub(super) async fn secret_names(&self, filter: &Filter) -> Result<Answer, ReadError> {
        let by = |key, value: &str| SecretFilter::builder().key(key).values(value).build();
        let mut filters = Vec::new();
        for (key, value) in &filter.tags {
            filters.push(by(FilterNameStringType::TagKey, key));
            filters.push(by(FilterNameStringType::TagValue, value));
        }
        filters.extend(filter.path.as_ref().map(|path| by(FilterNameStringType::Name, path)));
        let mut names = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let page = self.call(LIST_SECRETS, || {
                let filters = Some(filters.clone()).filter(|filters| !filters.is_empty());
                let request = self.secrets.list_secrets().max_results(PAGE).set_filters(filters);
                request.set_next_token(next.clone()).send()
            });
            let page = page.await?;
            for entry in page.secret_list() {
                let has = |(key, value): (&String, &String)| {
                    entry
                        .tags()
                        .iter()
                        .any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
                };
                let name = entry.name().unwrap_or_default();
                let fits = filter.path.as_ref().is_none_or(|path| name.starts_with(path.as_str()));
                if fits && filter.tags.iter().all(has) {
                    names.push(name.to_owned());
                }
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(Answer::Names(names));
            }
        }
        Err(ReadError::new(Reason::Unavailable, LIST_SECRETS.2))
    }
}

/// Whether a secret is the one with this id: its name, its ARN, or its ARN without the hyphen and six
/// characters that AWS adds.
fn is_named(id: &str, name: &str, arn: &str) -> bool {
    let without = || arn.len().checked_sub(SUFFIX).and_then(|end| arn.get(..end));
    id == name || id == arn || id.starts_with("arn:") && without() == Some(id)
}

fn read(id: Option<String>, created: Option<i64>) -> Option<Read> {
    Some(Read { id: id?, created: created? })
}

/// AWS gives either of the two.
fn value(
    string: Option<String>,
    binary: Option<Blob>,
    version: Option<Read>,
    operation: Operation,
) -> Result<Answer, ReadError> {
    let bytes = binary.map(Blob::into_inner).or_else(|| string.map(String::into_bytes));
    let bytes = bytes.ok_or_else(|| ReadError::new(Reason::Malformed, operation.2))?;
    Ok(Answer::Value(Value { bytes: Zeroizing::new(bytes), version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_arn_never_names_another_secret() {
        let arn =
            |rest: &str| format!("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{rest}");
        let (name, own) = ("app", arn("app-AbCdEf"));
        assert!(is_named("app", name, &own));
        assert!(is_named(&arn("app-AbCdEf"), name, &own));
        assert!(is_named(&arn("app"), name, &own));
        assert!(!is_named(&arn("app"), "app-other", &arn("app-other-AbCdEf")));
        assert!(!is_named("ap", name, &own));
        assert!(!is_named(&arn("ap"), name, &own));
        assert!(!is_named(&arn("app"), "", ""));
    }
}
