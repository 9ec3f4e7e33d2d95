//! AWS Systems Manager Parameter Store.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{Parameter, ParameterStringFilter};
use zeroize::Zeroizing;

use super::{Called, Operation, PAGES, Service, as_json, assign};
use crate::{
    aws::{Filter, ReadError, ReadRequest, ReadResponse, Value, planner::Answers, read::Read},
    reason::Reason,
};

/// The action that batches need, on each parameter.
pub const GET_PARAMETERS: &str = "ssm:GetParameters";

/// How many names `GetParameters` takes.
pub(super) const BATCH: usize = 10;

/// How many bytes are held of all parameters below a path: of more, those that are wanted are to be read
/// by name.
const MOST: usize = 8 << 20;

const PARAMETER_STORE: &str = "AWS/ParameterStore";
const GET_PARAMETER: Operation = Operation(PARAMETER_STORE, "GetParameter", "ssm:GetParameter");
const BATCH_PARAMETERS: Operation = Operation(PARAMETER_STORE, "GetParameters", GET_PARAMETERS);
const PARAMETERS_BY_PATH: Operation =
    Operation(PARAMETER_STORE, "GetParametersByPath", "ssm:GetParametersByPath");
const DESCRIBE_PARAMETERS: Operation =
    Operation(PARAMETER_STORE, "DescribeParameter", "ssm:DescribeParameters");
const PARAMETER_TAGS: Operation =
    Operation(PARAMETER_STORE, "ListTagsForResource", "ssm:ListTagsForResource");

impl Service {
    pub(super) async fn parameter(&self, name: &str) -> Result<ReadResponse, ReadError> {
        let answer = self.call(GET_PARAMETER, || {
            self.parameters.get_parameter().name(name).with_decryption(true).send()
        });
        let answer = answer.await?;
        let parameter =
            answer.parameter.ok_or_else(|| ReadError::new(Reason::Malformed, GET_PARAMETER.2))?;
        Ok(ReadResponse::Value(of_parameter(parameter)))
    }

    pub(super) async fn parameters(&self, wants: Vec<ReadRequest>) -> Result<Answers, ReadError> {
        let names: Vec<String> = wants.iter().filter_map(name).map(str::to_owned).collect();
        let answer = self.call(BATCH_PARAMETERS, || {
            let request = self.parameters.get_parameters().set_names(Some(names.clone()));
            request.with_decryption(true).send()
        });
        let answer = answer.await?;
        let mut answers = Answers::new();
        let parameters = answer.parameters.unwrap_or_default();
        let called = |parameter: &Parameter| {
            let selector = parameter.selector().unwrap_or_default();
            Called {
                name: format!("{}{selector}", parameter.name().unwrap_or_default()),
                arn: format!("{}{selector}", parameter.arn().unwrap_or_default()),
            }
        };
        let called: Vec<_> = parameters.iter().map(called).collect();
        let values: Vec<_> = parameters.into_iter().map(of_parameter).collect();
        for (want, index) in assign(&wants, &called, name, |name, called| name == called.name) {
            answers.insert(want.clone(), Ok(ReadResponse::Value(values[index].clone())));
        }
        for name in answer.invalid_parameters.unwrap_or_default() {
            let error = ReadError::new(Reason::NotFound, GET_PARAMETER.2);
            answers.insert(ReadRequest::Parameter { name }, Err(error));
        }
        Ok(answers)
    }

    pub(super) async fn parameter_tags(&self, name: &str) -> Result<ReadResponse, ReadError> {
        let answer = self.call(PARAMETER_TAGS, || {
            let kind = aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
            self.parameters.list_tags_for_resource().resource_type(kind).resource_id(name).send()
        });
        let answer = answer.await?;
        Ok(as_json(answer.tag_list().iter().map(|tag| (tag.key(), tag.value()))))
    }

    pub(super) async fn parameters_below(&self, path: &str) -> Result<ReadResponse, ReadError> {
        let (mut values, mut size) = (BTreeMap::new(), 0);
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let page = self.call(PARAMETERS_BY_PATH, || {
                let request = self.parameters.get_parameters_by_path().path(path).recursive(true);
                request.with_decryption(true).set_next_token(next.clone()).send()
            });
            let page = page.await?;
            for parameter in page.parameters.unwrap_or_default() {
                let name = parameter.name().unwrap_or_default().to_owned();
                let value = of_parameter(parameter);
                size += value.bytes.len();
                values.insert(name, value);
            }
            if size > MOST {
                return Err(ReadError::new(Reason::Malformed, PARAMETERS_BY_PATH.2));
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(ReadResponse::Values(values));
            }
        }
        Err(ReadError::new(Reason::Unavailable, PARAMETERS_BY_PATH.2))
    }

    pub(super) async fn parameter_names(&self, filter: &Filter) -> Result<ReadResponse, ReadError> {
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
                return Ok(ReadResponse::Names(names));
            }
        }
        Err(ReadError::new(Reason::Unavailable, DESCRIBE_PARAMETERS.2))
    }
}

fn name(want: &ReadRequest) -> Option<&str> {
    match want {
        ReadRequest::Parameter { name } => Some(name),
        _ => None,
    }
}

/// The version of a parameter is a number that grows.
fn of_parameter(parameter: Parameter) -> Value {
    let version = parameter.version();
    let read = (version > 0).then(|| Read { id: version.to_string(), created: version });
    let bytes = parameter.value.unwrap_or_default().into_bytes();
    Value { bytes: Zeroizing::new(bytes), version: read }
}
