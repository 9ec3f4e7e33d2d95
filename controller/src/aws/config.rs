//! The SDK's configuration from the environment.

use std::{collections::HashMap, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use tokio::sync::Mutex;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Stores may name any region, so the cache needs a limit.
const MAX_CACHED_REGIONS: usize = 64;

#[derive(Default)]
pub(super) struct RegionConfigs(Mutex<HashMap<String, SdkConfig>>);

impl RegionConfigs {
    pub(super) async fn get(&self, region: &str) -> SdkConfig {
        let mut configs = self.0.lock().await;
        if let Some(config) = configs.get(region) {
            return config.clone();
        }
        let config = load(region).await;
        if configs.len() >= MAX_CACHED_REGIONS {
            configs.clear();
        }
        configs.insert(region.to_owned(), config.clone());
        config
    }
}

/// Loads the configuration from the environment and its files as they are now.
pub(super) async fn load(region: &str) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        // `Caller` retries, because it counts attempts.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .load()
        .await
}

/// The endpoint in this variable. External Secrets uses the same variables.
pub(super) fn endpoint(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|url| !url.is_empty())
}
