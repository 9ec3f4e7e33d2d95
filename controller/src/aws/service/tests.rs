use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use prometheus_client::registry::Registry;

use super::*;
use crate::{
    aws::{
        credentials::CachedCredentials,
        error::Rejection,
        identity::Retries,
        metrics::AwsMetrics,
        read::{BatchValue, ReadResponse, assign},
    },
    reason::Reason,
};

/// Error bodies as in the documentation of AWS and the tests of its clients.
const ERRORS: [(&str, Reason); 12] = [
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

const WRONG_SIGNATURE: &str =
    r#"{"__type":"InvalidSignatureException","message":"Signature expired"}"#;

/// Answers one request after the other with these statuses and bodies. Also returns the requests.
fn serve(
    answers: Vec<(u16, &'static str)>,
) -> (std::net::SocketAddr, std::sync::mpsc::Receiver<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (received, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut request = Vec::new();
            // The SDK's request bodies are JSON objects.
            while !request.ends_with(b"}") {
                let mut part = [0; 4096];
                let len = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..len]);
            }
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} Answer\r\ncontent-type: application/x-amz-json-1.1\r\n\
                 content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all((head + body).as_bytes()).unwrap();
            let _ = received.send(String::from_utf8(request).unwrap());
        }
    });
    (address, requests)
}

/// A service with one attempt for each request, and the requests that it sends.
fn service(
    kind: AwsService,
    answers: Vec<(u16, &'static str)>,
) -> (Service, std::sync::mpsc::Receiver<String>) {
    let (address, requests) = serve(answers);
    let credentials = CachedCredentials::new(Box::new(|| {
        let credentials = Credentials::new("id", "key", None, None, "test");
        Box::pin(async { Ok(credentials) })
    }));
    let provider: Arc<dyn ProvideCredentials> = credentials.clone();
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .endpoint_url(format!("http://{address}"))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build();
    let caller = Caller {
        store: "SecretStore n/s".to_owned(),
        retries: Retries { attempts: 1, pause: None },
        metrics: AwsMetrics::register(&mut Registry::default()),
        credentials: Some(credentials),
        rates: None,
    };
    (Service::new(&config, kind, caller), requests)
}

#[test]
fn value_that_fits_several_names_is_not_assigned() {
    let value = |name: &str, account: &str| BatchValue {
        name: name.to_owned(),
        arn: format!("arn:aws:secretsmanager:r:{account}:secret:{name}-AbCdEf"),
        response: Ok(ReadResponse::Names(vec![format!("{name} of {account}")])),
    };
    let partial = "arn:aws:secretsmanager:r:2:secret:db";
    let requests = ["a", "db", partial].map(ReadRequest::current);
    // AWS left out the `db` of account 1.
    let values = [value("a", "1"), value("db", "2")];
    let assigned = assign(&requests, &values, secrets_manager::has_id);
    assert_eq!(assigned.into_keys().collect::<Vec<_>>(), requests[..1]);
}

#[tokio::test]
async fn errors_of_aws_are_classified() {
    let mut bodies = ERRORS.map(|(body, _)| body).to_vec();
    // After a rejected signature, the SDK corrects its clock and sends the request again.
    bodies.extend([
        WRONG_SIGNATURE,
        r#"{"__type":"ResourceNotFoundException"}"#,
        WRONG_SIGNATURE,
        WRONG_SIGNATURE,
    ]);
    let answers = bodies.into_iter().map(|body| (400, body)).collect();
    let (service, _requests) = service(AwsService::SecretsManager, answers);
    for (body, reason) in ERRORS {
        let error = service.read(ReadRequest::current("a")).await.unwrap_err();
        assert_eq!(error.reason, reason, "{body}");
        assert_eq!(error.action, "secretsmanager:GetSecretValue");
        assert!(!format!("{error} {error:?}").contains("arn:"), "it contains text from AWS");
    }
    let retried = service.read(ReadRequest::current("a")).await.unwrap_err();
    assert_eq!((retried.reason, retried.rejected), (Reason::NotFound, None));
    let wrong = service.read(ReadRequest::current("a")).await.unwrap_err();
    assert_eq!(wrong.reason, Reason::AccessDenied);
    assert_eq!(wrong.rejected, Some(Rejection::Signature));
}

/// RDS gives its secrets such names.
#[tokio::test]
async fn name_with_an_exclamation_mark_is_read_individually_and_in_a_batch() {
    const ONE: &str = r#"{"Name":"rds!db-1f2e","SecretString":"1","VersionId":"v","VersionStages":["AWSCURRENT"]}"#;
    const BATCH: &str = r#"{"SecretValues":[
        {"Name":"rds!db-1f2e","ARN":"arn:aws:secretsmanager:eu-west-1:1:secret:rds!db-1f2e-AbCdEf",
         "SecretString":"1","VersionId":"v","VersionStages":["AWSCURRENT"]},
        {"Name":"rds!cluster-2","ARN":"arn:aws:secretsmanager:eu-west-1:1:secret:rds!cluster-2-GhIjKl",
         "SecretString":"2","VersionId":"w","VersionStages":["AWSCURRENT"]}]}"#;
    let (service, sent) = service(AwsService::SecretsManager, vec![(200, ONE), (200, BATCH)]);
    let bytes = |response: &ReadResponse| match response {
        ReadResponse::Value(value) => value.bytes.to_vec(),
        other => panic!("{other:?}"),
    };
    let one = ReadRequest::current("rds!db-1f2e");
    assert_eq!(bytes(&service.read(one.clone()).await.unwrap()), b"1");
    let by_arn = "arn:aws:secretsmanager:eu-west-1:1:secret:rds!cluster-2";
    let requests = vec![one, ReadRequest::current(by_arn)];
    assert!(requests.iter().all(|request| service.is_batchable(request)));
    let responses = service.read_batch(requests.clone()).await.unwrap();
    let values = requests.iter().map(|request| bytes(responses[request].as_ref().unwrap()));
    assert_eq!(values.collect::<Vec<_>>(), [b"1", b"2"]);
    assert!(
        sent.recv().unwrap().ends_with(r#"{"SecretId":"rds!db-1f2e","VersionStage":"AWSCURRENT"}"#)
    );
    assert!(sent.recv().unwrap().contains(r#"["rds!db-1f2e","arn:"#));
}

/// A batch does not say which of the two is missing. A missing parameter counts as deleted, and a missing
/// version does not.
#[tokio::test]
async fn missing_version_of_a_parameter_is_told_from_a_missing_parameter() {
    let batch = r#"{"Parameters":[],"InvalidParameters":["/a/b:9","/a/c"]}"#;
    let version = r#"{"__type":"ParameterVersionNotFound"}"#;
    let answers = vec![(200, batch), (400, version), (400, r#"{"__type":"ParameterNotFound"}"#)];
    let (service, _requests) = service(AwsService::ParameterStore, answers);
    let parameter = |name: &str| ReadRequest::Parameter { name: name.to_owned() };
    let [versioned, plain] = ["/a/b:9", "/a/c"].map(parameter);
    let responses = service.read_batch(vec![versioned.clone(), plain.clone()]).await.unwrap();
    assert_eq!(responses[&plain].as_ref().unwrap_err().reason, Reason::NotFound);
    assert!(!responses.contains_key(&versioned), "it is read individually");
    let missing_version = service.read(versioned.clone()).await.unwrap_err();
    assert_eq!(missing_version.reason, Reason::VersionNotFound);
    assert_eq!(missing_version.reason.as_str(), "NotFound");
    assert_eq!(service.read(versioned).await.unwrap_err().reason, Reason::NotFound);
}

fn version(response: &ReadResult) -> Option<&str> {
    match response.as_ref().unwrap() {
        ReadResponse::Value(value) => value.version.as_ref().map(|read| read.id.as_str()),
        other => panic!("{other:?}"),
    }
}

/// AWS describes a secret that is marked for deletion, although it does not return its value.
#[tokio::test]
async fn described_secret_has_the_version_of_its_stage_unless_it_is_marked_for_deletion() {
    const LIVE: &str = r#"{"VersionIdsToStages":{"v1":["AWSPREVIOUS"],"v2":["AWSCURRENT","x"]}}"#;
    const DELETED: &str =
        r#"{"VersionIdsToStages":{"v2":["AWSCURRENT"]},"DeletedDate":1800000000.0}"#;
    let answers = vec![(200, LIVE), (200, LIVE), (200, LIVE), (200, DELETED)];
    let (service, _requests) = service(AwsService::SecretsManager, answers);
    for (stage, expected) in [
        ("AWSCURRENT", Some("v2")),
        ("AWSPREVIOUS", Some("v1")),
        ("AWSPENDING", None),
        ("AWSCURRENT", None),
    ] {
        let request = ReadRequest::Secret { id: "a".into(), version: Version::Stage(stage.into()) };
        let described = service.describe(vec![request.clone()]).await.unwrap().unwrap();
        assert_eq!(version(&described[&request]), expected, "{stage}");
    }
}

/// A parameter that is deleted and created again has the number 1 again.
#[tokio::test]
async fn described_parameter_has_the_version_of_its_value_until_it_is_created_again() {
    const READ: &str =
        r#"{"Parameter":{"Name":"/a","Value":"1","Version":1,"LastModifiedDate":1800000000.25}}"#;
    const SAME: &str = r#"{"Parameters":[{"Name":"/a","Version":1,"LastModifiedDate":1800000000.25},
        {"Name":"/a/other","Version":1,"LastModifiedDate":1800000000}],"NextToken":"more"}"#;
    const AGAIN: &str =
        r#"{"Parameters":[{"Name":"/a","Version":1,"LastModifiedDate":1800000060.0}]}"#;
    let answers = vec![(200, READ), (200, SAME), (200, AGAIN)];
    let (service, sent) = service(AwsService::ParameterStore, answers);
    let request = ReadRequest::Parameter { name: "/a".into() };
    let read = service.read(request.clone()).await;
    let described = service.describe(vec![request.clone()]).await.unwrap().unwrap();
    assert_eq!(version(&described[&request]), version(&read));
    assert_eq!(described.len(), 1);
    let again = service.describe(vec![request.clone()]).await.unwrap().unwrap();
    assert_ne!(version(&again[&request]), version(&read));
    sent.recv().unwrap();
    let filter = r#""ParameterFilters":[{"Key":"Name","Option":"Equals","Values":["/a"]}]"#;
    assert!(sent.recv().unwrap().contains(filter), "only this parameter is asked for");
}

/// A page may be empty, although others follow.
#[tokio::test]
async fn descriptions_that_take_more_requests_than_reads_are_given_up() {
    const EMPTY: &str = r#"{"Parameters":[],"NextToken":"more"}"#;
    let (service, _requests) = service(AwsService::ParameterStore, vec![(200, EMPTY); 2]);
    let requests = (0..11).map(|n| ReadRequest::Parameter { name: format!("/{n}") }).collect();
    assert!(service.describe(requests).await.unwrap().is_none());
}
