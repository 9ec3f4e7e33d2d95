//! Flags about the renewal of sealing keys.

use std::{collections::BTreeMap, time::Duration};

use clap::{ArgAction, Args};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};

use super::parse::{has_name_letters, has_name_letters_or_dots};
use crate::keys::{KeyOrder, RenewalSettings};

const DEFAULT_PERIOD: Duration = Duration::from_hours(720);

// A doc comment would replace the description of the command.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyFlags {
    /// Create a new sealing key when the newest one has this age, by default 720h; 0 means never
    #[arg(long, value_name = "DURATION", value_parser = parse_period, overrides_with = "rotate_period",
          allow_hyphen_values = true)]
    key_renew_period: Option<Duration>,

    /// The old name of --key-renew-period
    #[arg(long, value_name = "DURATION", value_parser = parse_period, overrides_with = "key_renew_period",
          allow_hyphen_values = true, hide = true)]
    rotate_period: Option<Duration>,

    /// Also create one if the newest is older than this time, e.g. `Mon, 02 Jan 2006 15:04:05 -0700`.
    /// A time in the future takes effect then
    #[arg(long, value_name = "TIME", value_parser = parse_cutoff)]
    key_cutoff_time: Option<Cutoff>,

    /// Which key is the newest, and so seals
    #[arg(long, value_name = "ORDER", value_enum, default_value_t)]
    pub(super) key_order_priority: KeyOrder,

    /// Labels of the Secrets of new sealing keys, as `key=value,key=value`
    #[arg(long, value_name = "LABELS", default_value = "", value_parser = parse_labels)]
    pub(super) privatekey_labels: Pairs,

    /// Annotations of the Secrets of new sealing keys, as `key=value,key=value`
    #[arg(long, value_name = "ANNOTATIONS", default_value = "", value_parser = parse_annotations)]
    pub(super) privatekey_annotations: Pairs,

    /// Create a sealing key if there is none. If false, the controller waits for one
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    create_first_key: bool,

    /// Publish the certificate as item `cert.pem` of this ConfigMap in the controller's namespace
    #[arg(long, value_name = "NAME", value_parser = parse_config_map)]
    pub(crate) certificate_config_map: Option<String>,
}

/// Labels or annotations.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs(pub(super) BTreeMap<String, String>);

/// A time, or none for an empty text, which charts pass.
#[derive(Clone, Copy, Debug)]
struct Cutoff(Option<Timestamp>);

impl KeyFlags {
    pub(crate) fn renewal(&self) -> RenewalSettings {
        let period = self.rotate_period.or(self.key_renew_period).unwrap_or(DEFAULT_PERIOD);
        RenewalSettings {
            period: Some(period).filter(|period| !period.is_zero()),
            cutoff: self.key_cutoff_time.and_then(|cutoff| cutoff.0),
            creates_first_key: self.create_first_key,
        }
    }

    /// A line for the log about an old name of a flag.
    pub(crate) fn notice(&self) -> Option<&'static str> {
        let notice = "--rotate-period is the old name of --key-renew-period: use the new one";
        self.rotate_period.is_some().then_some(notice)
    }
}

fn parse_period(text: &str) -> Result<Duration, &'static str> {
    let period = crate::runtime::go_duration::parse(text);
    period.ok_or("not 0 or a duration above zero, such as 720h or 1h30m")
}

/// RFC 1123 with a numeric zone. As in Go, the day of the week need not fit the date.
fn parse_cutoff(text: &str) -> Result<Cutoff, &'static str> {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    if text.is_empty() {
        return Ok(Cutoff(None));
    }
    let time = PARSER.parse_timestamp(text).ok();
    let time = time.ok_or("not a time such as `Mon, 02 Jan 2006 15:04:05 -0700`")?;
    Ok(Cutoff(Some(time)))
}

fn parse_labels(text: &str) -> Result<Pairs, String> {
    let pairs = parse_pairs(text)?;
    match pairs.0.iter().find(|(_, value)| !is_label_value(value)) {
        Some((key, _)) => Err(format!("the value of `{key}` is not valid for a label")),
        None => Ok(pairs),
    }
}

fn parse_annotations(text: &str) -> Result<Pairs, String> {
    parse_pairs(text)
}

/// Names and values around the first `=` of each part.
fn parse_pairs(text: &str) -> Result<Pairs, String> {
    let mut pairs = BTreeMap::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (key, value) = part.split_once('=').ok_or("each part needs `=`, as in `a=b,c=d`")?;
        if !is_qualified_name(key) {
            return Err(format!("`{key}` is not a name such as `team` or `example.org/team`"));
        }
        pairs.insert(key.to_owned(), value.to_owned());
    }
    Ok(Pairs(pairs))
}

/// The name of a label or annotation, as the API server accepts it.
fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(p, name)| (Some(p), name));
    let has_valid_prefix = prefix.is_none_or(|prefix| {
        !prefix.is_empty() && prefix.len() <= 253 && has_name_letters_or_dots(prefix)
    });
    has_valid_prefix && !name.is_empty() && is_label_value(name)
}

fn is_label_value(text: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = [text.bytes().next(), text.bytes().last()];
    let has_valid_ends = ends.iter().flatten().all(u8::is_ascii_alphanumeric);
    text.len() <= 63 && has_valid_ends && text.bytes().all(is_valid)
}

fn parse_config_map(text: &str) -> Result<String, &'static str> {
    let has_valid_ends = text.split('.').all(|part| {
        !part.is_empty() && !part.starts_with('-') && !part.ends_with('-') && has_name_letters(part)
    });
    (text.len() <= 253 && has_valid_ends)
        .then(|| text.to_owned())
        .ok_or("not the name of a ConfigMap")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::Config;

    fn flags(flags: &[&str]) -> Result<KeyFlags, String> {
        let parsed = Config::try_parse_from([&["mtk-controller"], flags].concat());
        parsed.map(|config| config.keys).map_err(|error| error.to_string())
    }

    fn renewal(text: &[&str]) -> RenewalSettings {
        flags(text).unwrap().renewal()
    }

    #[test]
    fn defaults_are_those_of_bitnamis_controller() {
        let default = RenewalSettings {
            period: Some(Duration::from_hours(720)),
            cutoff: None,
            creates_first_key: true,
        };
        assert_eq!(renewal(&[]), default);
        let flags = flags(&[]).unwrap();
        assert_eq!(flags.key_order_priority, KeyOrder::CertificateStart);
        assert!(flags.privatekey_labels.0.is_empty() && flags.privatekey_annotations.0.is_empty());
        assert_eq!((flags.certificate_config_map.as_deref(), flags.notice()), (None, None));
    }

    #[test]
    fn period_of_zero_turns_renewal_off() {
        for zero in ["0", "0s", "0h0m"] {
            assert_eq!(renewal(&["--key-renew-period", zero]).period, None, "{zero}");
        }
    }

    #[test]
    fn old_name_of_the_period_counts_with_a_notice() {
        let hours = |text: &[&str]| renewal(text).period.map(|period| period.as_secs() / 3600);
        assert_eq!(hours(&["--rotate-period=5h"]), Some(5));
        assert_eq!(hours(&["--rotate-period=5h", "--key-renew-period=6h"]), Some(6));
        assert_eq!(hours(&["--key-renew-period=6h", "--rotate-period=5h"]), Some(5));
        assert!(flags(&["--rotate-period=5h"]).unwrap().notice().is_some());
    }

    #[test]
    fn cutoff_is_read_in_bitnamis_format() {
        let cutoff = |text: &str| renewal(&[&format!("--key-cutoff-time={text}")]).cutoff;
        let expected = "2024-10-14T19:45:30Z".parse().ok();
        assert_eq!(cutoff("Mon, 14 Oct 2024 21:45:30 +0200"), expected);
        assert_eq!(cutoff("Fri, 14 Oct 2024 21:45:30 +0200"), expected, "Go ignores the day");
        assert_eq!(cutoff(""), None);
    }

    #[test]
    fn labels_and_annotations_are_pairs() {
        let all = flags(&[
            "--privatekey-labels=team=a,example.org/b=",
            "--privatekey-annotations=url=https://x?y=z",
        ]);
        let all = all.unwrap();
        let pairs = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        assert_eq!(all.privatekey_labels.0, pairs(&[("team", "a"), ("example.org/b", "")]));
        assert_eq!(all.privatekey_annotations.0, pairs(&[("url", "https://x?y=z")]));
    }

    #[test]
    fn invalid_values_are_rejected() {
        for flag in [
            "--key-renew-period=-1h",
            "--key-renew-period=30d",
            "--rotate-period=-720h",
            "--key-cutoff-time=2024-10-14T19:45:30Z",
            "--key-order-priority=Newest",
            "--privatekey-labels=team",
            "--privatekey-labels=a=1,,b=2",
            "--privatekey-labels=a=not valid",
            "--privatekey-labels=-a=1",
            "--privatekey-annotations=/a=1",
            "--privatekey-annotations=a",
            "--certificate-config-map=",
            "--certificate-config-map=A",
            "--certificate-config-map=a/b",
        ] {
            assert!(flags(&[flag]).is_err(), "{flag}");
        }
        let negative = flags(&["--key-renew-period=-1h"]).unwrap_err();
        assert!(negative.contains("not 0 or a duration above zero"), "{negative}");
    }
}
