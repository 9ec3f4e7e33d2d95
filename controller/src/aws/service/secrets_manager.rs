//! AWS Secrets Manager.

use aws_sdk_secretsmanager::types::{
    Filter as SecretFilter, FilterNameStringType, SecretValueEntry,
};
use aws_smithy_types::Blob;
use zeroize::Zeroizing;

use super::{Called, Operation, PAGES, Service, as_json, assign};
use crate::{
    aws::{
        Filter, ReadError, ReadRequest, ReadResponse, Value, Version, error::Refusal,
        planner::Answers, read::Read,
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
    pub(super) async fn secret(
        &self,
        id: &str,
        version: &Version,
    ) -> Result<ReadResponse, ReadError> {
        let answer = self.call(GET_SECRET, || {
            let request = self.secrets.get_secret_value().secret_id(id);
            match version {
                Version::Stage(stage) => request.version_stage(stage),
                Version::Id(id) => request.version_id(id),
            }
            .send()
        });
        let answer = answer.await?;
        let read =
            read(answer.version_id, answer.created_date.and_then(|date| date.to_millis().ok()));
        value(answer.secret_string, answer.secret_binary, read, GET_SECRET)
    }

    pub(super) async fn secrets(&self, wants: Vec<ReadRequest>) -> Result<Answers, ReadError> {
        let ids: Vec<String> = wants.iter().filter_map(id).map(str::to_owned).collect();
        let answer = self.call(BATCH_SECRETS, || {
            self.secrets.batch_get_secret_value().set_secret_id_list(Some(ids.clone())).send()
        });
        let answer = answer.await?;
        // Which version a batch gives cannot be asked for: another one is read singly.
        let is_current = |entry: &SecretValueEntry| {
            entry.version_stages().iter().any(|stage| stage == Version::CURRENT)
        };
        let mut entries = answer.secret_values.unwrap_or_default();
        entries.retain(is_current);
        let mut answers = Answers::new();
        let called: Vec<_> = entries
            .iter()
            .map(|entry| Called {
                name: entry.name().unwrap_or_default().to_owned(),
                arn: entry.arn().unwrap_or_default().to_owned(),
            })
            .collect();
        let values = entries.into_iter().map(|entry| {
            let read =
                read(entry.version_id, entry.created_date.and_then(|date| date.to_millis().ok()));
            value(entry.secret_string, entry.secret_binary, read, BATCH_SECRETS)
        });
        let values: Vec<_> = values.collect();
        for (want, index) in assign(&wants, &called, id, is_named) {
            answers.insert(want.clone(), values[index].clone());
        }
        for error in answer.errors.unwrap_or_default() {
            let refused = error.secret_id.as_deref();
            let is_it = |want: &&ReadRequest| refused.is_some() && id(want) == refused;
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

    pub(super) async fn secret_tags(&self, id: &str) -> Result<ReadResponse, ReadError> {
        let answer = self
            .call(DESCRIBE_SECRET, || self.secrets.describe_secret().secret_id(id).send())
            .await?;
        let tags = answer.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
        Ok(as_json(tags))
    }

    /// The names of all secrets that have the path and the tags, exactly: AWS's filters find those
    /// whose tags only begin so, and do not hold keys and values together.
    pub(super) async fn secret_names(&self, filter: &Filter) -> Result<ReadResponse, ReadError> {
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
                return Ok(ReadResponse::Names(names));
            }
        }
        Err(ReadError::new(Reason::Unavailable, LIST_SECRETS.2))
    }
}

pub(super) fn id(want: &ReadRequest) -> Option<&str> {
    match want {
        ReadRequest::Secret { id, .. } => Some(id),
        _ => None,
    }
}

/// Whether a secret is the one with this id: its name, or its ARN without the hyphen and six characters
/// that AWS adds.
pub(super) fn is_named(id: &str, Called { name, arn }: &Called) -> bool {
    let without = || arn.len().checked_sub(SUFFIX).and_then(|end| arn.get(..end));
    id == name || id.starts_with("arn:") && without() == Some(id)
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
) -> Result<ReadResponse, ReadError> {
    let bytes = binary.map(Blob::into_inner).or_else(|| string.map(String::into_bytes));
    let bytes = bytes.ok_or_else(|| ReadError::new(Reason::Malformed, operation.2))?;
    Ok(ReadResponse::Value(Value { bytes: Zeroizing::new(bytes), version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(account: u8, rest: &str) -> String {
        format!("arn:aws:secretsmanager:eu-west-1:{account:012}:secret:{rest}")
    }

    /// For each want, the ARN of the secret whose value it gets.
    fn assigned(ids: &[String], secrets: &[(&str, String)]) -> Vec<Option<String>> {
        let wants: Vec<_> = ids.iter().map(ReadRequest::current).collect();
        let called =
            |(name, arn): &(&str, String)| Called { name: (*name).to_owned(), arn: arn.clone() };
        let called: Vec<_> = secrets.iter().map(called).collect();
        let found = assign(&wants, &called, id, is_named);
        let of = |want: &ReadRequest| found.iter().find(|(found, _)| *found == want);
        wants.iter().map(|want| of(want).map(|(_, index)| called[*index].arn.clone())).collect()
    }

    #[test]
    fn a_part_of_an_arn_never_names_another_secret() {
        let own = arn(1, "app-AbCdEf");
        let is = |id: &str, name: &str, arn: &str| {
            assigned(&[id.to_owned()], &[(name, arn.to_owned())])[0].is_some()
        };
        assert!(is("app", "app", &own));
        assert!(is(&own, "app", &own));
        assert!(is(&arn(1, "app"), "app", &own));
        assert!(!is(&arn(1, "app"), "app-other", &arn(1, "app-other-AbCdEf")));
        assert!(!is("ap", "app", &own));
        assert!(!is(&arn(1, "ap"), "app", &own));
        assert!(!is(&arn(1, "app"), "", ""));
    }

    /// The answers came in any order, and the last one that fitted counted.
    #[test]
    fn a_secret_of_another_account_is_not_taken_for_one_of_the_same_name() {
        let (own, other) = (arn(1, "db-AbCdEf"), arn(2, "db-GhIjKl"));
        let ids = ["db".to_owned(), other.clone()];
        for secrets in [
            [("db", own.clone()), ("db", other.clone())],
            [("db", other.clone()), ("db", own.clone())],
        ] {
            assert_eq!(assigned(&ids, &secrets), [Some(own.clone()), Some(other.clone())]);
        }
        // Which of the two is meant is not known: each is read singly.
        let partial = [arn(1, "db"), "db".to_owned(), arn(3, "db-MnOpQr")];
        let secrets = [("db", own.clone()), ("db", other)];
        assert_eq!(assigned(&partial, &secrets), [Some(own), None, None]);
        // A secret whose name is that of another one with its end.
        let (short, long) = (arn(1, "app-AbCdEf"), arn(1, "app-AbCdEf-GhIjKl"));
        let ids = [short.clone(), "app-AbCdEf".to_owned()];
        let secrets = [("app-AbCdEf", long.clone()), ("app", short.clone())];
        assert_eq!(assigned(&ids, &secrets), [Some(short), Some(long)]);
    }
}
