//! AWS Secrets Manager.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::types::{
    Filter as SecretFilter, FilterNameStringType, SecretListEntry, SecretValueEntry,
};
use aws_smithy_types::{Blob, DateTime, error::ErrorMetadata};
use zeroize::Zeroizing;

use crate::{
    aws::{
        caller::{Caller, endpoint},
        error::ReadError,
        read::{
            BatchResponses, BatchValue, Filter, ReadRequest, ReadResponse, ReadResult, ReadVersion,
            Value, Version, assign,
        },
        sweep::{ListedSecret, Page},
    },
    reason::Reason,
};

/// The action that batches require, on `*`.
pub(crate) const BATCH_GET_SECRET_VALUE_ACTION: &str = "secretsmanager:BatchGetSecretValue";

/// The action that descriptions require, on each secret.
pub(crate) const DESCRIBE_SECRET_ACTION: &str = "secretsmanager:DescribeSecret";

/// The limit of `BatchGetSecretValue`.
pub(super) const MAX_BATCH_SIZE: usize = 20;
const LIST_PAGE_SIZE: i32 = 100;
/// The length of the hyphen and six characters at the end of a secret's ARN.
const ARN_SUFFIX_LEN: usize = 7;

const GET_SECRET_VALUE: &str = "secretsmanager:GetSecretValue";
const LIST_SECRETS: &str = "secretsmanager:ListSecrets";

pub(super) struct SecretsManager {
    client: aws_sdk_secretsmanager::Client,
    caller: Arc<Caller>,
}

impl SecretsManager {
    pub(super) fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(config);
        if let Some(url) = endpoint("AWS_SECRETSMANAGER_ENDPOINT") {
            config = config.endpoint_url(url);
        }
        Self { client: aws_sdk_secretsmanager::Client::from_conf(config.build()), caller }
    }

    pub(super) async fn value(&self, id: &str, version: &Version) -> ReadResult {
        let request = self.client.get_secret_value().secret_id(id);
        let request = match version {
            Version::Stage(stage) => request.version_stage(stage),
            Version::Id(id) => request.version_id(id),
        };
        let response = self.caller.call(GET_SECRET_VALUE, || request.clone().send()).await?;
        let version = (response.version_id, response.created_date);
        value(response.secret_string, response.secret_binary, version, GET_SECRET_VALUE)
    }

    pub(super) async fn batch(&self, requests: Vec<ReadRequest>) -> ReadResult<BatchResponses> {
        let ids: Vec<_> = requests.iter().filter_map(ReadRequest::id).map(str::to_owned).collect();
        let request = self.client.batch_get_secret_value().set_secret_id_list(Some(ids));
        let send = || request.clone().send();
        let response = self.caller.call(BATCH_GET_SECRET_VALUE_ACTION, send).await?;
        // A batch cannot request a version. If it returns another one, read that secret
        // individually.
        let is_current = |entry: &SecretValueEntry| {
            entry.version_stages().iter().any(|stage| stage == Version::CURRENT)
        };
        let entries = response.secret_values.unwrap_or_default().into_iter().filter(is_current);
        let values = entries.map(|entry| {
            let version = (entry.version_id, entry.created_date);
            let (string, binary) = (entry.secret_string, entry.secret_binary);
            let response = value(string, binary, version, BATCH_GET_SECRET_VALUE_ACTION);
            let (name, arn) = (entry.name.unwrap_or_default(), entry.arn.unwrap_or_default());
            BatchValue { name, arn, response }
        });
        let values: Vec<_> = values.collect();
        let mut responses = assign(&requests, &values, has_id);
        for error in response.errors.unwrap_or_default() {
            let has_failed = |one: &&ReadRequest| one.id() == error.secret_id.as_deref();
            let Some(request) = requests.iter().find(has_failed) else { continue };
            let metadata = ErrorMetadata::builder()
                .code(error.error_code.unwrap_or_default())
                .message(error.message.unwrap_or_default())
                .build();
            let error = ReadError::classify(&metadata, None, GET_SECRET_VALUE);
            responses.insert(request.clone(), Err(error));
        }
        Ok(responses)
    }

    pub(super) async fn tags(&self, id: &str) -> ReadResult {
        let request = self.client.describe_secret().secret_id(id);
        let response = self.caller.call(DESCRIBE_SECRET_ACTION, || request.clone().send()).await?;
        let tags = response.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
        Ok(ReadResponse::of_tags(tags))
    }

    /// The id of a version, without its value.
    pub(super) async fn describe(&self, id: &str, version: &Version) -> ReadResult {
        let request = self.client.describe_secret().secret_id(id);
        let response = self.caller.call(DESCRIBE_SECRET_ACTION, || request.clone().send()).await?;
        // AWS describes secrets that are marked for deletion, but it does not return their values.
        let is_deleted = response.deleted_date().is_some();
        let mut stages = response.version_ids_to_stages.into_iter().flatten();
        let id = match version {
            Version::Id(id) => Some(id.clone()),
            Version::Stage(stage) => {
                stages.find(|(_, stages)| stages.contains(stage)).map(|(id, _)| id)
            }
        };
        let version = id.filter(|_| !is_deleted).map(|id| ReadVersion { id, created: 0 });
        Ok(ReadResponse::of_version(version))
    }

    /// The names of all secrets with this path and exactly these tags. AWS's filters match
    /// prefixes, and do not combine the key and value of one tag, so the results are filtered
    /// again.
    pub(super) async fn names(&self, filter: &Filter) -> ReadResult {
        let by = |key, value: &str| SecretFilter::builder().key(key).values(value).build();
        let mut filters = Vec::new();
        for (key, value) in &filter.tags {
            filters.push(by(FilterNameStringType::TagKey, key));
            filters.push(by(FilterNameStringType::TagValue, value));
        }
        filters.extend(filter.path.as_ref().map(|path| by(FilterNameStringType::Name, path)));
        let filters = Some(filters).filter(|filters| !filters.is_empty());
        let request = self.client.list_secrets().max_results(LIST_PAGE_SIZE).set_filters(filters);
        let send = |next| request.clone().set_next_token(next).send();
        let mut names = Vec::new();
        self.caller
            .pages(LIST_SECRETS, send, |page| {
                let matching = page.secret_list().iter().filter(|entry| matches(entry, filter));
                names.extend(matching.map(|entry| entry.name().unwrap_or_default().to_owned()));
                Ok(page.next_token)
            })
            .await?;
        Ok(ReadResponse::Names(names))
    }

    /// A page of the versions of all secrets.
    pub(super) async fn versions(&self, token: Option<String>) -> ReadResult<Page> {
        let request = self.client.list_secrets().max_results(LIST_PAGE_SIZE).set_next_token(token);
        let page = self.caller.call(LIST_SECRETS, || request.clone().send()).await?;
        let secrets = page.secret_list.unwrap_or_default().into_iter().map(listed).collect();
        Ok(Page { secrets, next: page.next_token })
    }
}

fn listed(entry: SecretListEntry) -> ListedSecret {
    let versions = entry.secret_versions_to_stages.unwrap_or_default();
    let stages = versions.into_iter().flat_map(|(version, stages)| {
        stages.into_iter().map(move |stage| (stage, version.clone()))
    });
    ListedSecret {
        name: entry.name.unwrap_or_default(),
        arn: entry.arn.unwrap_or_default(),
        stages: stages.collect(),
    }
}

/// Whether a secret has this id: its name, or its ARN without the hyphen and six characters that
/// AWS adds.
pub(super) fn has_id(BatchValue { name, arn, .. }: &BatchValue, id: &str) -> bool {
    let partial_arn = || arn.len().checked_sub(ARN_SUFFIX_LEN).and_then(|end| arn.get(..end));
    id == name || id.starts_with("arn:") && partial_arn() == Some(id)
}

fn matches(entry: &SecretListEntry, filter: &Filter) -> bool {
    let has_tag = |(key, value): (&String, &String)| {
        entry.tags().iter().any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
    };
    let name = entry.name().unwrap_or_default();
    filter.path.as_ref().is_none_or(|path| name.starts_with(path.as_str()))
        && filter.tags.iter().all(has_tag)
}

/// AWS returns either a string or bytes.
fn value(
    string: Option<String>,
    binary: Option<Blob>,
    (id, created): (Option<String>, Option<DateTime>),
    action: &'static str,
) -> ReadResult {
    let bytes = binary.map(Blob::into_inner).or_else(|| string.map(String::into_bytes));
    let bytes = bytes.ok_or_else(|| ReadError::new(Reason::Malformed, action))?;
    let created = created.and_then(|created| created.to_millis().ok());
    let version = id.zip(created).map(|(id, created)| ReadVersion { id, created });
    Ok(ReadResponse::Value(Value { bytes: Zeroizing::new(bytes), version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arn(account: u8, rest: &str) -> String {
        format!("arn:aws:secretsmanager:eu-west-1:{account:012}:secret:{rest}")
    }

    /// For each request, the ARN of the secret whose value is assigned to it.
    fn assigned(ids: &[String], secrets: &[(&str, String)]) -> Vec<Option<String>> {
        let requests: Vec<_> = ids.iter().map(ReadRequest::current).collect();
        let value = |(name, arn): &(&str, String)| BatchValue {
            name: (*name).to_owned(),
            arn: arn.clone(),
            response: Ok(ReadResponse::Names(vec![arn.clone()])),
        };
        let values: Vec<_> = secrets.iter().map(value).collect();
        let assigned = assign(&requests, &values, has_id);
        let arn = |request: &ReadRequest| match assigned.get(request)? {
            Ok(ReadResponse::Names(arn)) => arn.first().cloned(),
            _ => None,
        };
        requests.iter().map(arn).collect()
    }

    #[test]
    fn partial_arn_never_identifies_another_secret() {
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

    /// The order of the responses must not matter.
    #[test]
    fn secret_of_another_account_with_the_same_name_is_not_confused() {
        let (own, other) = (arn(1, "db-AbCdEf"), arn(2, "db-GhIjKl"));
        let ids = ["db".to_owned(), other.clone()];
        for secrets in [
            [("db", own.clone()), ("db", other.clone())],
            [("db", other.clone()), ("db", own.clone())],
        ] {
            assert_eq!(assigned(&ids, &secrets), [Some(own.clone()), Some(other.clone())]);
        }
        // Both ids fit one secret, so both are read individually.
        let partial = [arn(1, "db"), "db".to_owned(), arn(3, "db-MnOpQr")];
        let secrets = [("db", own.clone()), ("db", other)];
        assert_eq!(assigned(&partial, &secrets), [Some(own), None, None]);
        // The name of one secret equals the name of another secret with its ARN suffix.
        let (short, long) = (arn(1, "app-AbCdEf"), arn(1, "app-AbCdEf-GhIjKl"));
        let ids = [short.clone(), "app-AbCdEf".to_owned()];
        let secrets = [("app-AbCdEf", long.clone()), ("app", short.clone())];
        assert_eq!(assigned(&ids, &secrets), [Some(short), Some(long)]);
    }
}
