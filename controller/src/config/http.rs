//! Flags about HTTP requests.

use std::num::NonZeroU32;

use clap::Args;
use jiff::SignedDuration;

use super::parse::parse_duration;
use crate::http::{Network, RateLimit, Settings, Timeouts};

// A doc comment would replace the description of the command.
#[derive(Args, Clone, Debug)]
pub(crate) struct HttpFlags {
    /// Requests per second of one caller to /v1/verify, and as many to /v1/rotate
    #[arg(long, value_name = "N", default_value = "2", value_parser = parse_rate,
          allow_hyphen_values = true)]
    rate_limit: NonZeroU32,

    /// Additional requests that may come at once
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    rate_limit_burst: u32,

    /// Time limit for receiving a request
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    read_timeout: SignedDuration,

    /// Time limit for a response
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    write_timeout: SignedDuration,

    /// Networks of proxies whose header X-Forwarded-For names the caller, such as those of the API server
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    trusted_proxies: Vec<Network>,
}

impl HttpFlags {
    pub(crate) fn settings(&self, accepts_legacy_data: bool) -> Settings {
        Settings {
            rate_limit: RateLimit { per_second: self.rate_limit, burst: self.rate_limit_burst },
            trusted_proxies: self.trusted_proxies.clone(),
            read_timeout: self.read_timeout.unsigned_abs(),
            accepts_legacy_data,
        }
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            read: self.read_timeout.unsigned_abs(),
            write: self.write_timeout.unsigned_abs(),
        }
    }
}

fn parse_rate(text: &str) -> Result<NonZeroU32, &'static str> {
    let rate = text.parse().ok().filter(|rate: &NonZeroU32| rate.get() <= 1_000_000);
    rate.ok_or("not a number from 1 to 1000000")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::Config;

    fn flags(flags: &[&str]) -> Option<HttpFlags> {
        let parsed = Config::try_parse_from([&["mtk-controller"], flags].concat());
        parsed.ok().map(|config| config.http)
    }

    #[test]
    fn defaults_are_those_of_bitnamis_controller() {
        let flags = flags(&[]).unwrap();
        let (settings, timeouts) = (flags.settings(true), flags.timeouts());
        assert_eq!((settings.rate_limit.per_second.get(), settings.rate_limit.burst), (2, 2));
        assert_eq!((timeouts.read.as_secs(), timeouts.write.as_secs()), (120, 120));
        assert!(settings.trusted_proxies.is_empty());
    }

    #[test]
    fn limits_and_timeouts_are_set() {
        let flags = flags(&[
            "--rate-limit=5",
            "--rate-limit-burst=0",
            "--read-timeout=1s",
            "--write-timeout=1m30s",
            "--trusted-proxies=10.0.0.0/8,fd00::1",
        ]);
        let flags = flags.unwrap();
        let (settings, timeouts) = (flags.settings(false), flags.timeouts());
        assert_eq!((settings.rate_limit.per_second.get(), settings.rate_limit.burst), (5, 0));
        assert_eq!((timeouts.read.as_secs(), timeouts.write.as_secs()), (1, 90));
        let networks = ["10.0.0.0/8", "fd00::1"].map(|text| text.parse().unwrap());
        assert_eq!(settings.trusted_proxies, networks);
        assert!(!settings.accepts_legacy_data);
    }

    /// Bitnami's controller panics at 0.
    #[test]
    fn invalid_values_are_rejected() {
        for flag in [
            "--rate-limit=0",
            "--rate-limit=-1",
            "--rate-limit-burst=-1",
            "--read-timeout=0s",
            "--write-timeout=-1m",
            "--trusted-proxies=everybody",
        ] {
            assert!(flags(&[flag]).is_none(), "{flag}");
        }
    }
}
