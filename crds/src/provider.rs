//! The provider of a store, and its region.

use serde_json::Value;

use crate::secret_store::{Aws, SecretStoreSpec};

/// The longest name of a provider in a message.
const MAX_NAME_CHARS: usize = 63;

/// Why a store has no provider that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProviderError {
    /// It has none, or several.
    #[error("it must have exactly one provider")]
    Count,
    /// It has another one, with this name.
    #[error("its provider `{0}` is not supported, only `aws` is")]
    Unsupported(String),
    /// `provider.aws` does not match its schema.
    #[error("`provider.aws` is malformed: see the CRD")]
    Malformed,
    /// The region is missing or no region.
    #[error("`provider.aws.region` must be a region, such as eu-west-1")]
    Region,
}

impl SecretStoreSpec {
    /// The only provider, with its name.
    pub fn provider(&self) -> Option<(&str, &Value)> {
        let mut providers = self.provider.iter();
        let (name, provider) = providers.next()?;
        providers.next().is_none().then_some((name, provider))
    }

    /// `provider.aws`.
    ///
    /// # Errors
    /// If the store has another provider, or if the field is malformed.
    pub fn aws(&self) -> Result<Aws, ProviderError> {
        let (name, provider) = self.provider().ok_or(ProviderError::Count)?;
        if name != "aws" {
            let name: String = name.chars().take(MAX_NAME_CHARS).collect();
            return Err(ProviderError::Unsupported(name.escape_debug().to_string()));
        }
        let aws: Aws =
            serde_json::from_value(provider.clone()).map_err(|_| ProviderError::Malformed)?;
        let is_in_region = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_region =
            (1..=63).contains(&aws.region.len()) && aws.region.bytes().all(is_in_region);
        if is_region { Ok(aws) } else { Err(ProviderError::Region) }
    }
}

/// The partition of a region, as ARNs contain it.
pub fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
