//! AWS Systems Manager Parameter Store.

use std::{collections::BTreeMap, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_ssm::types::{Parameter, ParameterStringFilter, ResourceTypeForTagging};
use zeroize::Zeroizing;

use super::{
    assign::{ValueNames, assign},
    tags::as_json,
};
use crate::{
    aws::{
        caller::{Caller, Operation},
        config::endpoint,
        error::ReadError,
        planner::BatchResponses,
        read::{Filter, ReadRequest, ReadResponse, ReadVersion, Value},
    },
    reason::Reason,
};

/// The action that batches require, on each parameter.
pub(crate) const GET_PARAMETERS_ACTION: &str = "ssm:GetParameters";

/// The limit of `GetParameters`.
pub(super) const MAX_BATCH_SIZE: usize = 10;
const MAX_LIST_PAGES: usize = 10_000;
/// The limit for all parameters below a path. If there are more, the wanted ones are read by name.
const MAX_BYTES_BELOW_PATH: usize = 8 << 20;

const fn operation(name: &'static str, action: &'static str) -> Operation {
    Operation { provider: "AWS/ParameterStore", name, action }
}

const GET_PARAMETER: Operation = operation("GetParameter", "ssm:GetParameter");
const GET_PARAMETERS: Operation = operation("GetParameters", GET_PARAMETERS_ACTION);
const GET_PARAMETERS_BY_PATH: Operation =
    operation("GetParametersByPath", "ssm:GetParametersByPath");
const DESCRIBE_PARAMETERS: Operation = operation("DescribeParameter", "ssm:DescribeParameters");
const LIST_TAGS: Operation = operation("ListTagsForResource", "ssm:ListTagsForResource");

pub(super) struct ParameterStore {
    client: aws_sdk_ssm::Client,
    caller: Arc<Caller>,
}

impl ParameterStore {
    pub(super) fn new(config: &SdkConfig, caller: Arc<Caller>) -> Self {
        let mut config = aws_sdk_ssm::config::Builder::from(config);
        if let Some(url) = endpoint("AWS_SSM_ENDPOINT") {
            config = config.endpoint_url(url);
        }
        Self { client: aws_sdk_ssm::Client::from_conf(config.build()), caller }
    }

    pub(super) async fn value(&self, name: &str) -> Result<ReadResponse, ReadError> {
        let response = self.caller.call(GET_PARAMETER, || {
            self.client.get_parameter().name(name).with_decryption(true).send()
        });
        let response = response.await?;
        let parameter = response
            .parameter
            .ok_or_else(|| ReadError::new(Reason::Malformed, GET_PARAMETER.action))?;
        Ok(ReadResponse::Value(value_of(parameter)))
    }

    pub(super) async fn batch(
        &self,
        requests: Vec<ReadRequest>,
    ) -> Result<BatchResponses, ReadError> {
        let names: Vec<String> = requests.iter().filter_map(name_in).map(str::to_owned).collect();
        let response = self.caller.call(GET_PARAMETERS, || {
            let request = self.client.get_parameters().set_names(Some(names.clone()));
            request.with_decryption(true).send()
        });
        let response = response.await?;
        let mut responses = BatchResponses::new();
        let parameters = response.parameters.unwrap_or_default();
        let names = |parameter: &Parameter| {
            let selector = parameter.selector().unwrap_or_default();
            ValueNames {
                name: format!("{}{selector}", parameter.name().unwrap_or_default()),
                arn: format!("{}{selector}", parameter.arn().unwrap_or_default()),
            }
        };
        let names: Vec<_> = parameters.iter().map(names).collect();
        let values: Vec<_> = parameters.into_iter().map(value_of).collect();
        for (request, index) in assign(&requests, &names, name_in, |name, value| name == value.name)
        {
            responses.insert(request.clone(), Ok(ReadResponse::Value(values[index].clone())));
        }
        for name in response.invalid_parameters.unwrap_or_default() {
            let error = ReadError::new(Reason::NotFound, GET_PARAMETER.action);
            responses.insert(ReadRequest::Parameter { name }, Err(error));
        }
        Ok(responses)
    }

    pub(super) async fn tags(&self, name: &str) -> Result<ReadResponse, ReadError> {
        let response = self.caller.call(LIST_TAGS, || {
            let kind = ResourceTypeForTagging::Parameter;
            self.client.list_tags_for_resource().resource_type(kind).resource_id(name).send()
        });
        let response = response.await?;
        Ok(as_json(response.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
    }

    pub(super) async fn values_below(&self, path: &str) -> Result<ReadResponse, ReadError> {
        let (mut values, mut size) = (BTreeMap::new(), 0);
        let mut next: Option<String> = None;
        for _ in 0..MAX_LIST_PAGES {
            let page = self.caller.call(GET_PARAMETERS_BY_PATH, || {
                let request = self.client.get_parameters_by_path().path(path).recursive(true);
                request.with_decryption(true).set_next_token(next.clone()).send()
            });
            let page = page.await?;
            for parameter in page.parameters.unwrap_or_default() {
                let name = parameter.name().unwrap_or_default().to_owned();
                let value = value_of(parameter);
                size += value.bytes.len();
                values.insert(name, value);
            }
            if size > MAX_BYTES_BELOW_PATH {
                return Err(ReadError::new(Reason::Malformed, GET_PARAMETERS_BY_PATH.action));
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(ReadResponse::Values(values));
            }
        }
        Err(ReadError::new(Reason::Unavailable, GET_PARAMETERS_BY_PATH.action))
    }

    pub(super) async fn names(&self, filter: &Filter) -> Result<ReadResponse, ReadError> {
        let invalid = || ReadError::new(Reason::Malformed, DESCRIBE_PARAMETERS.action);
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
        for _ in 0..MAX_LIST_PAGES {
            let page = self.caller.call(DESCRIBE_PARAMETERS, || {
                let filters = Some(filters.clone()).filter(|filters| !filters.is_empty());
                let request = self.client.describe_parameters().set_parameter_filters(filters);
                request.set_next_token(next.clone()).send()
            });
            let page = page.await?;
            let found = page.parameters.unwrap_or_default();
            names.extend(found.into_iter().filter_map(|parameter| parameter.name));
            next = page.next_token;
            if next.is_none() {
                return Ok(ReadResponse::Names(names));
            }
        }
        Err(ReadError::new(Reason::Unavailable, DESCRIBE_PARAMETERS.action))
    }
}

fn name_in(request: &ReadRequest) -> Option<&str> {
    match request {
        ReadRequest::Parameter { name } => Some(name),
        _ => None,
    }
}

/// Parameters have ascending version numbers.
fn value_of(parameter: Parameter) -> Value {
    let version = parameter.version();
    let read = (version > 0).then(|| ReadVersion { id: version.to_string(), created: version });
    let bytes = parameter.value.unwrap_or_default().into_bytes();
    Value { bytes: Zeroizing::new(bytes), version: read }
}
