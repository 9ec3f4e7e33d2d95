//! The requests themselves: attempts, counted and timed, and what each service is asked.

mod parameter_store;
mod secrets_manager;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use zeroize::Zeroizing;

pub use self::{parameter_store::GET_PARAMETERS, secrets_manager::GET_BATCH};
use super::{
    Identity, ReadError, ReadRequest, ReadResponse, Value, Version,
    credentials::Cached,
    error::{Refused, pause},
    identity::Retries,
    planner::{Answers, Source},
    pool::endpoint,
};
use crate::metrics::aws::{AwsMetrics, Outcome};

/// Pages of one listing: a million secrets.
const PAGES: usize = 10_000;

/// An operation: the provider and its name as External Secrets counts it, and as IAM writes it.
#[derive(Clone, Copy)]
struct Operation(&'static str, &'static str, &'static str);

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
            if let Some(why) = error.refused
                && !renewed
                && (why == Refused::Signature || self.credentials.expire(&credentials, why))
            {
                renewed = true;
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
}

impl Source for Service {
    fn most(&self) -> usize {
        if self.is_secrets { secrets_manager::BATCH } else { parameter_store::BATCH }
    }

    fn batches(&self, want: &ReadRequest) -> bool {
        match want {
            ReadRequest::Secret { version, .. } => *version == Version::current(),
            ReadRequest::Parameter { .. } => true,
            _ => false,
        }
    }

    fn single(&self, want: ReadRequest) -> BoxFuture<'_, Result<ReadResponse, ReadError>> {
        Box::pin(async move {
            match &want {
                ReadRequest::Secret { id, version } => self.secret(id, version).await,
                ReadRequest::SecretTags { id } => self.secret_tags(id).await,
                ReadRequest::SecretNames(filter) => self.secret_names(filter).await,
                ReadRequest::Parameter { name } => self.parameter(name).await,
                ReadRequest::ParameterTags { name } => self.parameter_tags(name).await,
                ReadRequest::ParametersBelow { path } => self.parameters_below(path).await,
                ReadRequest::ParameterNames(filter) => self.parameter_names(filter).await,
            }
        })
    }

    fn batch(&self, wants: Vec<ReadRequest>) -> BoxFuture<'_, Result<Answers, ReadError>> {
        Box::pin(async move {
            if self.is_secrets { self.secrets(wants).await } else { self.parameters(wants).await }
        })
    }

    fn is_spoiled_by_one(&self) -> bool {
        !self.is_secrets
    }

    fn asked(&self, wants: usize) {
        self.metrics.reads(&self.store, wants);
    }
}

/// What a value of a batch is called.
struct Called {
    name: String,
    arn: String,
}

/// Which value of a batch is for which want. An ARN is that of one; a name, or a part of an ARN, may be
/// that of several, in other accounts, and a value may have the name that several ask for: then it is for
/// none of them.
fn assign<'w>(
    wants: &'w [ReadRequest],
    values: &[Called],
    id: impl Fn(&ReadRequest) -> Option<&str>,
    is_named: impl Fn(&str, &Called) -> bool,
) -> Vec<(&'w ReadRequest, usize)> {
    let by_arn = |want: &ReadRequest| values.iter().position(|value| id(want) == Some(&*value.arn));
    let mut found: Vec<_> = wants.iter().filter_map(|want| Some((want, by_arn(want)?))).collect();
    let claimed: BTreeSet<usize> = found.iter().map(|(_, index)| *index).collect();
    let by_name = |want: &ReadRequest| {
        let id = id(want)?;
        let free = (0..values.len()).filter(|index| !claimed.contains(index));
        let mut fitting = free.filter(|index| is_named(id, &values[*index]));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let is_open = |want: &&ReadRequest| by_arn(want).is_none();
    let named = wants.iter().filter(is_open).filter_map(|want| Some((want, by_name(want)?)));
    let named: Vec<_> = named.collect();
    let is_alone = |(_, index): &&(&ReadRequest, usize)| {
        named.iter().filter(|(_, other)| other == index).count() == 1
    };
    found.extend(named.iter().filter(is_alone));
    found
}

/// Tags as Go writes a map: sorted, and without blanks.
fn as_json<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> ReadResponse {
    let tags: BTreeMap<_, _> = tags.collect();
    let bytes = serde_json::to_vec(&tags).expect("strings are JSON");
    ReadResponse::Value(Value { bytes: Zeroizing::new(bytes), version: None })
}

#[cfg(test)]
mod tests {
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use prometheus_client::registry::Registry;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::reason::Reason;

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

    const MISSIGNED: &str =
        r#"{"__type":"InvalidSignatureException","message":"Signature expired"}"#;

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

    #[test]
    fn a_value_that_several_ask_for_by_name_is_for_none_of_them() {
        let called = |name: &str, account: &str| Called {
            name: name.to_owned(),
            arn: format!("arn:aws:secretsmanager:r:{account}:secret:{name}-AbCdEf"),
        };
        let partial = "arn:aws:secretsmanager:r:2:secret:db";
        let wants = ["a", "db", partial].map(ReadRequest::current);
        // As if the own one were left out.
        let values = [called("a", "1"), called("db", "2")];
        let found = assign(&wants, &values, secrets_manager::id, secrets_manager::is_named);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0], (&wants[0], 0));
    }

    #[tokio::test]
    async fn what_aws_answers_has_the_reason_that_it_means() {
        let mut bodies = REFUSALS.map(|(body, _)| body).to_vec();
        // A signature of another time is made once more: the SDK has learnt the time.
        bodies.extend([
            MISSIGNED,
            r#"{"__type":"ResourceNotFoundException"}"#,
            MISSIGNED,
            MISSIGNED,
        ]);
        let address = serve(bodies);
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
            let error = service.single(ReadRequest::current("a")).await.unwrap_err();
            assert_eq!(error.reason, reason, "{body}");
            assert_eq!(error.action, "secretsmanager:GetSecretValue");
            assert!(!format!("{error} {error:?}").contains("arn:"), "it holds text of AWS");
        }
        let again = service.single(ReadRequest::current("a")).await.unwrap_err();
        assert_eq!((again.reason, again.refused), (Reason::NotFound, None));
        let wrong = service.single(ReadRequest::current("a")).await.unwrap_err();
        assert_eq!(wrong.reason, Reason::AccessDenied);
        assert_eq!(wrong.refused, Some(Refused::Signature));
    }
}
