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

/// Answers one request after the other with these bodies and status 400.
fn serve(bodies: Vec<&'static str>) -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for body in bodies {
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
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.1\r\n\
                 content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all((head + body).as_bytes()).unwrap();
        }
    });
    address
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
    let address = serve(bodies);
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
    };
    let service = Service::new(&config, AwsService::SecretsManager, caller);
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
