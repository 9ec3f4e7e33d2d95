//! The requests themselves: Secrets Manager and Parameter Store.

use std::{collections::BTreeMap, future::Future};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::types::{Filter as SecretFilter, FilterNameStringType};
use aws_sdk_ssm::types::{Parameter, ParameterStringFilter};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{Blob, error::metadata::ProvideErrorMetadata};
use futures::future::BoxFuture;
use zeroize::Zeroizing;

use super::{
    Answer, Filter, Identity, ReadError, Value, Version, Want,
    credentials::Cached,
    error::{Refusal, pause},
    identity::Retries,
    planner::{Answers, Source},
    pool::endpoint,
    want::Read,
};
use crate::{
    metrics::aws::{AwsMetrics, Outcome},
    reason::Reason,
};

/// The action that batches of secrets need, on `*`.
pub const GET_BATCH: &str = "secretsmanager:BatchGetSecretValue";
/// The action that batches of parameters need, on each.
pub const GET_PARAMETERS: &str = "ssm:GetParameters";

/// How many secrets `BatchGetSecretValue` takes.
const SECRETS: usize = 20;
/// How many names `GetParameters` takes.
const PARAMETERS: usize = 10;
/// The hyphen and six characters at the end of a secret's ARN.
const SUFFIX: usize = 7;
/// Entries a page of `ListSecrets`.
const PAGE: i32 = 100;
/// Pages of one listing: a million secrets.
const PAGES: usize = 10_000;

const SECRETS_MANAGER: &str = "AWS/SecretsManager";
const PARAMETER_STORE: &str = "AWS/ParameterStore";

/// An operation: the provider and its name as External Secrets counts it, and as IAM writes it.
#[derive(Clone, Copy)]
struct Operation(&'static str, &'static str, &'static str);

const GET_SECRET: Operation =
    Operation(SECRETS_MANAGER, "GetSecretValue", "secretsmanager:GetSecretValue");
const BATCH_SECRETS: Operation = Operation(SECRETS_MANAGER, "BatchGetSecretValue", GET_BATCH);
const DESCRIBE_SECRET: Operation =
    Operation(SECRETS_MANAGER, "DescribeSecret", "secretsmanager:DescribeSecret");
const LIST_SECRETS: Operation =
    Operation(SECRETS_MANAGER, "ListSecrets", "secretsmanager:ListSecrets");
const GET_PARAMETER: Operation = Operation(PARAMETER_STORE, "GetParameter", "ssm:GetParameter");
const BATCH_PARAMETERS: Operation = Operation(PARAMETER_STORE, "GetParameters", GET_PARAMETERS);
const PARAMETERS_BY_PATH: Operation =
    Operation(PARAMETER_STORE, "GetParametersByPath", "ssm:GetParametersByPath");
const DESCRIBE_PARAMETERS: Operation =
    Operation(PARAMETER_STORE, "DescribeParameter", "ssm:DescribeParameters");
const PARAMETER_TAGS: Operation =
    Operation(PARAMETER_STORE, "ListTagsForResource", "ssm:ListTagsForResource");

/// Both services, as one identity.
pub struct Service {
    secrets: aws_sdk_secretsmanager::Client,
    parameters: aws_sdk_ssm::Client,
    credentials: Cached,
    retries: Retries,
    store: String,
    is_secrets: bool,
    metrics: AwsMetrics,
}

impl Service {
    /// Makes the clients.
    pub fn new(
        config: &SdkConfig,
        identity: &Identity,
        credentials: Cached,
        metrics: AwsMetrics,
    ) -> Self {
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(config);
        if let Some(url) = endpoint("AWS_SECRETSMANAGER_ENDPOINT") {
            secrets = secrets.endpoint_url(url);
        }
        let mut parameters = aws_sdk_ssm::config::Builder::from(config);
        if let Some(url) = endpoint("AWS_SSM_ENDPOINT") {
            parameters = parameters.endpoint_url(url);
        }
        Self {
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            parameters: aws_sdk_ssm::Client::from_conf(parameters.build()),
            credentials,
            retries: identity.retries,
            store: identity.store.clone(),
            is_secrets: identity.service == crds::secret_store::AwsService::SecretsManager,
            metrics,
        }
    }

    /// Makes a request, again if it may pass.
    async fn call<T, E, F>(
        &self,
        operation: Operation,
        send: impl Fn() -> F,
    ) -> Result<T, ReadError>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let Operation(provider, name, action) = operation;
        let mut attempt = 1;
        let mut renewed = false;
        loop {
            // Asked for here, so that it is known why there are none.
            let credentials = self.credentials.get().await.map_err(|failure| ReadError {
                detail: Some(failure.message),
                ..ReadError::new(failure.reason, "")
            })?;
            let answer = send().await.map_err(|error| ReadError::of(&error, action));
            let outcome = match &answer {
                Ok(_) => Outcome::Succeeded,
                Err(error) => Outcome::Failed(error.reason),
            };
            self.metrics.call(&self.store, provider, name, outcome);
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.expired && !renewed {
                renewed = true;
                self.credentials.expire(&credentials);
                continue;
            }
            if !error.passes() || attempt >= self.retries.attempts {
                return Err(error);
            }
            let noise = f64::from(rand::random::<u16>()) / f64::from(u16::MAX);
            tokio::time::sleep(pause(attempt, self.retries.pause, noise)).await;
            attempt += 1;
        }
    }

    async fn secret(&self, id: &str, version: &Version) -> Result<Answer, ReadError> {
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

    async fn secrets(&self, wants: Vec<Want>) -> Result<Answers, ReadError> {
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

    async fn secret_tags(&self, id: &str) -> Result<Answer, ReadError> {
        let answer = self
            .call(DESCRIBE_SECRET, || self.secrets.describe_secret().secret_id(id).send())
            .await?;
        let tags = answer.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
        Ok(as_json(tags))
    }

    /// The names of all secrets that have the path and the tags, exactly: AWS's filters find those
    /// whose tags only begin so, and do not hold keys and values together.
    async fn secret_names(&self, filter: &Filter) -> Result<Answer, ReadError> {
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

    async fn parameter(&self, name: &str) -> Result<Answer, ReadError> {
        let answer = self.call(GET_PARAMETER, || {
            self.parameters.get_parameter().name(name).with_decryption(true).send()
        });
        let answer = answer.await?;
        let parameter =
            answer.parameter.ok_or_else(|| ReadError::new(Reason::Malformed, GET_PARAMETER.2))?;
        Ok(Answer::Value(of_parameter(parameter)))
    }

    async fn parameters(&self, wants: Vec<Want>) -> Result<Answers, ReadError> {
        let names = |want: &Want| match want {
            Want::Parameter { name } => Some(name.clone()),
            _ => None,
        };
        let names: Vec<_> = wants.iter().filter_map(names).collect();
        let answer = self.call(BATCH_PARAMETERS, || {
            let request = self.parameters.get_parameters().set_names(Some(names.clone()));
            request.with_decryption(true).send()
        });
        let answer = answer.await?;
        let mut answers = Answers::new();
        for parameter in answer.parameters.unwrap_or_default() {
            let selector = parameter.selector().unwrap_or_default();
            let is_it = |want: &&Want| {
                let Want::Parameter { name } = want else { return false };
                [parameter.name(), parameter.arn()]
                    .into_iter()
                    .flatten()
                    .any(|own| name.strip_prefix(own).is_some_and(|rest| rest == selector))
            };
            if let Some(want) = wants.iter().find(is_it) {
                answers.insert(want.clone(), Ok(Answer::Value(of_parameter(parameter))));
            }
        }
        for name in answer.invalid_parameters.unwrap_or_default() {
            let error = ReadError::new(Reason::NotFound, GET_PARAMETER.2);
            answers.insert(Want::Parameter { name }, Err(error));
        }
        Ok(answers)
    }

    async fn parameter_tags(&self, name: &str) -> Result<Answer, ReadError> {
        let answer = self.call(PARAMETER_TAGS, || {
            let kind = aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
            self.parameters.list_tags_for_resource().resource_type(kind).resource_id(name).send()
        });
        let answer = answer.await.map_err(|error| match error.reason {
            // It says InvalidResourceId of a parameter that is not there.
            Reason::Unavailable => ReadError::new(Reason::NotFound, error.action),
            _ => error,
        })?;
        Ok(as_json(answer.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
    }

    async fn parameters_below(&self, path: &str) -> Result<Answer, ReadError> {
        let mut values = BTreeMap::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let page = self.call(PARAMETERS_BY_PATH, || {
                let request = self.parameters.get_parameters_by_path().path(path).recursive(true);
                request.with_decryption(true).set_next_token(next.clone()).send()
            });
            let page = page.await?;
            for parameter in page.parameters.unwrap_or_default() {
                let name = parameter.name().unwrap_or_default().to_owned();
                values.insert(name, of_parameter(parameter));
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(Answer::Values(values));
            }
        }
        Err(ReadError::new(Reason::Unavailable, PARAMETERS_BY_PATH.2))
    }

    async fn parameter_names(&self, filter: &Filter) -> Result<Answer, ReadError> {
        let invalid = || ReadError::new(Reason::Malformed, DESCRIBE_PARAMETERS.2);
        let by = |key: &str, option: &str, value: &str| {
            ParameterStringFilter::builder().key(key).option(option).values(value).build()
        };
        let tags =
            filter.tags.iter().map(|(key, value)| by(&format!("tag:{key}"), "Equals", value));
        let path = filter.path.iter().map(|path| by("Path", "Recursive", path));
        let filters: Result<Vec<_>, _> = tags.chain(path).collect();
        let filters = filters.map_err(|_| invalid())?;
        let mut names = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let page = self.call(DESCRIBE_PARAMETERS, || {
                let filters = Some(filters.clone()).filter(|filters| !filters.is_empty());
                let request = self.parameters.describe_parameters().set_parameter_filters(filters);
                request.set_next_token(next.clone()).send()
            });
            let page = page.await?;
            let found = page.parameters.unwrap_or_default();
            names.extend(found.into_iter().filter_map(|parameter| parameter.name));
            next = page.next_token;
            if next.is_none() {
                return Ok(Answer::Names(names));
            }
        }
        Err(ReadError::new(Reason::Unavailable, DESCRIBE_PARAMETERS.2))
    }
}

impl Source for Service {
    fn most(&self) -> usize {
        if self.is_secrets { SECRETS } else { PARAMETERS }
    }

    fn batches(&self, want: &Want) -> bool {
        match want {
            Want::Secret { version, .. } => *version == Version::current(),
            Want::Parameter { .. } => true,
            _ => false,
        }
    }

    fn single(&self, want: Want) -> BoxFuture<'_, Result<Answer, ReadError>> {
        Box::pin(async move {
            match &want {
                Want::Secret { id, version } => self.secret(id, version).await,
                Want::SecretTags { id } => self.secret_tags(id).await,
                Want::SecretNames(filter) => self.secret_names(filter).await,
                Want::Parameter { name } => self.parameter(name).await,
                Want::ParameterTags { name } => self.parameter_tags(name).await,
                Want::ParametersBelow { path } => self.parameters_below(path).await,
                Want::ParameterNames(filter) => self.parameter_names(filter).await,
            }
        })
    }

    fn batch(&self, wants: Vec<Want>) -> BoxFuture<'_, Result<Answers, ReadError>> {
        Box::pin(async move {
            if self.is_secrets { self.secrets(wants).await } else { self.parameters(wants).await }
        })
    }

    fn asked(&self, wants: usize) {
        self.metrics.reads(&self.store, wants);
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

/// The version of a parameter is a number that grows.
fn of_parameter(parameter: Parameter) -> Value {
    let version = parameter.version();
    let read = (version > 0).then(|| Read { id: version.to_string(), created: version });
    let bytes = parameter.value.unwrap_or_default().into_bytes();
    Value { bytes: Zeroizing::new(bytes), version: read }
}

/// Tags as Go writes a map: sorted, and without blanks.
fn as_json<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> Answer {
    let tags: BTreeMap<_, _> = tags.collect();
    let bytes = serde_json::to_vec(&tags).expect("strings are JSON");
    Answer::Value(Value { bytes: Zeroizing::new(bytes), version: None })
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use prometheus_client::registry::Registry;
    use serde_json::{Value as Json, json};

    use super::*;

    fn store_of(aws: Json) -> crate::external::store::Store {
        crate::external::store::tests::store("n", "s", aws)
    }

    /// The bodies that AWS answers with, as its documentation and its clients' tests show them.
    const REFUSALS: [(&str, Reason); 12] = [
        (
            r#"{"__type":"AccessDeniedException","Message":"User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: secretsmanager:GetSecretValue on resource: a because no identity-based policy allows the secretsmanager:GetSecretValue action"}"#,
            Reason::AccessDenied,
        ),
        (
            r#"{"__type":"AccessDeniedException","Message":"Access to KMS is not allowed"}"#,
            Reason::KmsDenied,
        ),
        (
            r#"{"__type":"AccessDeniedException","Message":"The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400)"}"#,
            Reason::KmsDenied,
        ),
        (r#"{"__type":"DecryptionFailure","Message":"x"}"#, Reason::KmsDenied),
        (
            r#"{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret."}"#,
            Reason::NotFound,
        ),
        (
            r#"{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"}"#,
            Reason::NotFound,
        ),
        (
            r#"{"__type":"InvalidRequestException","Message":"You can't perform this operation on the secret because it was marked for deletion."}"#,
            Reason::MarkedForDeletion,
        ),
        (
            r#"{"__type":"InvalidParameterException","Message":"The parameter is not valid."}"#,
            Reason::Malformed,
        ),
        (r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, Reason::Throttled),
        (
            r#"{"__type":"com.amazonaws.secretsmanager#InternalServiceError","Message":"x"}"#,
            Reason::Unavailable,
        ),
        (
            r#"{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}"#,
            Reason::AccessDenied,
        ),
        (r#"{"__type":"ParameterNotFound"}"#, Reason::NotFound),
    ];

    /// Answers one request after the other with these bodies, and status 400.
    fn serve(bodies: Vec<&'static str>) -> std::net::SocketAddr {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for body in bodies {
                let mut stream = listener.accept().unwrap().0;
                let mut request = Vec::new();
                // The SDK's bodies are JSON objects.
                while !request.ends_with(b"}") {
                    let mut part = [0; 4096];
                    let len = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..len]);
                }
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\n\
                     content-length: {length}\r\nconnection: close\r\n\r\n"
                );
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn what_aws_answers_has_the_reason_that_it_means() {
        let address = serve(REFUSALS.map(|(body, _)| body).to_vec());
        let store = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        let mut identity = Identity::of(&store_of(store), "n", |_| None).unwrap();
        identity.retries.attempts = 1;
        let credentials = Cached::new(Box::new(|| {
            let credentials = Credentials::new("id", "key", None, None, "test");
            Box::pin(async { Ok(credentials) })
        }));
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .endpoint_url(format!("http://{address}"))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .build();
        let metrics = AwsMetrics::register(&mut Registry::default());
        let service = Service::new(&config, &identity, credentials, metrics);
        for (body, reason) in REFUSALS {
            let error = service.single(Want::current("a")).await.unwrap_err();
            assert_eq!(error.reason, reason, "{body}");
            assert_eq!(error.action, "secretsmanager:GetSecretValue");
            assert!(!format!("{error} {error:?}").contains("arn:"), "it holds text of AWS");
        }
    }

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
