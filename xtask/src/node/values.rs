//! Values of charts.

use std::net::SocketAddr;

use e2e::moto;
use serde_json::json;

/// The values of the controller's chart that give it access to AWS.
pub(super) fn controller_values(address: SocketAddr) -> String {
    let variables = moto::environment(address).into_iter();
    let variables: Vec<_> =
        variables.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    // JSON is YAML.
    json!({ "extraEnv": variables, "externalSecrets": { "allowDelete": true } }).to_string()
}
