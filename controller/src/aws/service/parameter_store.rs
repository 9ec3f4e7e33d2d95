//! AWS Systems Manager Parameter Store.

use std::{collections::BTreeMap, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_ssm::types::{Parameter, ParameterStringFilter, ResourceTypeForTagging};
use aws_smithy_types::DateTime;
use zeroize::Zeroizing;

use crate::{
    aws::{
        caller::{Caller, endpoint},
        error::ReadError,
        read::{
            BatchResponses, BatchValue, Filter, ReadRequest, ReadResponse, ReadResult, ReadVersion,
            Value, assign,
        },
    },
    reason::Reason,
};

/// The action that batches require, on each parameter.
pub(crate) const GET_PARAMETERS_ACTION: &str = "ssm:GetParameters";

/// The limit of `GetParameters`.
pub(super) const MAX_BATCH_SIZE: usize = 10;
/// The limits of `DescribeParameters`: the values of a filter, and the parameters on a page.
pub(super) const MAX_DESCRIPTIONS: usize = 50;
const PAGE_SIZE: i32 = 50;
/// The limit for all parameters below a path. If there are more, the wanted ones are read by name.
const MAX_BYTES_BELOW_PATH: usize = 8 << 20;

const GET_PARAMETER: &str = "ssm:GetParameter";
const GET_PARAMETERS_BY_PATH: &str = "ssm:GetParametersByPath";
const DESCRIBE_PARAMETERS: &str = "ssm:DescribeParameters";
const LIST_TAGS: &str = "ssm:ListTagsForResource";

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

    pub(super) async fn value(&self, name: &str) -> ReadResult {
        let request = self.client.get_parameter().name(name).with_decryption(true);
        let response = self.caller.call(GET_PARAMETER, || request.clone().send()).await?;
        let parameter =
            response.parameter.ok_or_else(|| ReadError::new(Reason::Malformed, GET_PARAMETER))?;
        Ok(ReadResponse::Value(value_of(parameter)))
    }

    pub(super) async fn batch(&self, requests: Vec<ReadRequest>) -> ReadResult<BatchResponses> {
        let names: Vec<_> =
            requests.iter().filter_map(ReadRequest::id).map(str::to_owned).collect();
        let request = self.client.get_parameters().set_names(Some(names)).with_decryption(true);
        let response = self.caller.call(GET_PARAMETERS_ACTION, || request.clone().send()).await?;
        let value = |parameter: Parameter| {
            let selector = parameter.selector().unwrap_or_default();
            BatchValue {
                name: format!("{}{selector}", parameter.name().unwrap_or_default()),
                arn: format!("{}{selector}", parameter.arn().unwrap_or_default()),
                response: Ok(ReadResponse::Value(value_of(parameter))),
            }
        };
        let values: Vec<_> =
            response.parameters.unwrap_or_default().into_iter().map(value).collect();
        let mut responses = assign(&requests, &values, |value, name| value.name == name);
        // AWS does not say whether the parameter or only its version is missing: an individual read does.
        let missing = response.invalid_parameters.unwrap_or_default();
        for name in missing.into_iter().filter(|name| !has_version(name)) {
            let error = ReadError::new(Reason::NotFound, GET_PARAMETER);
            responses.insert(ReadRequest::Parameter { name }, Err(error));
        }
        Ok(responses)
    }

    pub(super) async fn tags(&self, name: &str) -> ReadResult {
        let request = self.client.list_tags_for_resource().resource_id(name);
        let request = request.resource_type(ResourceTypeForTagging::Parameter);
        let response = self.caller.call(LIST_TAGS, || request.clone().send()).await?;
        let tags = response.tag_list().iter().map(|tag| (tag.key(), tag.value()));
        Ok(ReadResponse::of_tags(tags))
    }

    pub(super) async fn values_below(&self, path: &str) -> ReadResult {
        let request = self.client.get_parameters_by_path().path(path).recursive(true);
        let request = request.with_decryption(true);
        let send = |next| request.clone().set_next_token(next).send();
        let (mut values, mut size) = (BTreeMap::new(), 0);
        self.caller
            .pages(GET_PARAMETERS_BY_PATH, send, |page| {
                for parameter in page.parameters.unwrap_or_default() {
                    let name = parameter.name().unwrap_or_default().to_owned();
                    let value = value_of(parameter);
                    size += value.bytes.len();
                    values.insert(name, value);
                }
                if size > MAX_BYTES_BELOW_PATH {
                    return Err(ReadError::new(Reason::Malformed, GET_PARAMETERS_BY_PATH));
                }
                Ok(page.next_token)
            })
            .await?;
        Ok(ReadResponse::Values(values))
    }

    pub(super) async fn names(&self, filter: &Filter) -> ReadResult {
        let by = |key: &str, option: &str, value: &str| {
            let filter = ParameterStringFilter::builder().key(key).option(option).values(value);
            filter.build().expect("it has a key")
        };
        let tags = filter.tags.iter();
        let tags = tags.map(|(key, value)| by(&format!("tag:{key}"), "Equals", value));
        let path = filter.path.iter().map(|path| by("Path", "Recursive", path));
        let filters: Vec<_> = tags.chain(path).collect();
        let filters = Some(filters).filter(|filters| !filters.is_empty());
        let request = self.client.describe_parameters().set_parameter_filters(filters);
        let send = |next| request.clone().set_next_token(next).send();
        let mut names = Vec::new();
        self.caller
            .pages(DESCRIBE_PARAMETERS, send, |page| {
                let found = page.parameters.unwrap_or_default();
                names.extend(found.into_iter().filter_map(|parameter| parameter.name));
                Ok(page.next_token)
            })
            .await?;
        Ok(ReadResponse::Names(names))
    }

    /// The versions of parameters, which are named without a version. Those that AWS does not describe are left
    /// out. None if it takes more requests than reads.
    pub(super) async fn describe(
        &self,
        requests: &[ReadRequest],
    ) -> ReadResult<Option<BatchResponses>> {
        let names = requests.iter().filter_map(ReadRequest::id).map(str::to_owned).collect();
        let filter = ParameterStringFilter::builder().key("Name").option("Equals");
        let filter = filter.set_values(Some(names)).build().expect("it has a key");
        let request = self.client.describe_parameters().parameter_filters(filter);
        let request = request.max_results(PAGE_SIZE);
        let (mut described, mut token) = (BatchResponses::new(), None);
        // A page may be empty, although others follow.
        for _ in 0..requests.len().div_ceil(MAX_BATCH_SIZE) {
            let send = || request.clone().set_next_token(token.clone()).send();
            let page = self.caller.call(DESCRIBE_PARAMETERS, send).await?;
            for parameter in page.parameters.unwrap_or_default() {
                let modified = parameter.last_modified_date;
                let version = version_of(parameter.version, modified.as_ref());
                let name = parameter.name.unwrap_or_default();
                let request = ReadRequest::Parameter { name };
                if requests.contains(&request) {
                    described.insert(request, Ok(ReadResponse::of_version(version)));
                }
            }
            token = page.next_token;
            if token.is_none() || described.len() == requests.len() {
                return Ok(Some(described));
            }
        }
        Ok(None)
    }
}

/// Whether a version or a label follows the name.
fn has_version(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.contains(':'))
}

/// Parameters have ascending version numbers, which begin again when a parameter is deleted and created. So
/// the time belongs to the id.
fn version_of(number: i64, modified: Option<&DateTime>) -> Option<ReadVersion> {
    let id = modified.map_or_else(|| number.to_string(), |at| format!("{number}-{}", at.secs()));
    (number > 0).then_some(ReadVersion { id, created: number })
}

fn value_of(parameter: Parameter) -> Value {
    let read = version_of(parameter.version(), parameter.last_modified_date());
    let bytes = parameter.value.unwrap_or_default().into_bytes();
    Value { bytes: Zeroizing::new(bytes), version: read }
}
