//! Sealing keys.

use clap::Args;
use jiff::SignedDuration;

use super::parse::{parse_duration, parse_key_size, parse_prefix};
use crate::keys::KeySettings;

#[derive(Args, Clone, Debug)]
pub(super) struct KeyArgs {
    /// Prefix of the names of key Secrets
    #[arg(long, value_name = "PREFIX", default_value = "sealed-secrets-key", value_parser = parse_prefix)]
    key_prefix: String,

    /// Size of a new sealing key, in bits
    #[arg(long, value_name = "BITS", default_value = "4096", value_parser = parse_key_size)]
    key_size: usize,

    /// Validity of the certificate of a new sealing key
    #[arg(long, value_name = "DURATION", default_value = "87600h", value_parser = parse_duration)]
    key_ttl: SignedDuration,

    /// Common name in the certificate of a new sealing key
    #[arg(long, value_name = "NAME", default_value = "")]
    my_cn: String,
}

impl KeyArgs {
    pub(super) fn settings(&self) -> KeySettings {
        KeySettings {
            prefix: self.key_prefix.clone(),
            bits: self.key_size,
            common_name: self.my_cn.clone(),
            lifetime: self.key_ttl,
        }
    }
}
