//! The arguments of `mtk-seal plan`.

use std::{path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, ValueEnum, value_parser};
use crds::go_duration;

use crate::arn::{Arn, EventQueue, is_account};

const EXAMPLES: &str = "\
Examples:
  mtk-seal plan deploy/                         what all manifests below a directory cost
  helm template chart | mtk-seal plan           the same for a chart
  mtk-seal plan --secrets-in-account 4000 deploy/
  mtk-seal plan --policy --account 123456789012 deploy/ > policies.json
  mtk-seal plan -o json deploy/ | jq .total.events.dollars";

/// The limit of the numbers that a user may assume.
const MAX_NUMBER: u64 = 100_000_000;

#[derive(ClapArgs, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PlanArgs {
    /// Files with manifests, or directories; `-` or no file reads the standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        help_heading = "Output"
    )]
    pub(crate) output: PlanFormat,
    /// Print only the IAM policies, one for each identity, as JSON
    #[arg(long, conflicts_with = "output", help_heading = "Output")]
    pub(crate) policy: bool,
    /// How the controller notices changes, for the policies [default: events with --event-queue, or else lists]
    #[arg(long, value_enum, help_heading = "Policies")]
    pub(crate) mode: Option<PlanMode>,
    /// The AWS account in the ARNs [default: any]
    #[arg(long, value_name = "ID", value_parser = account, help_heading = "Policies")]
    pub(crate) account: Option<String>,
    /// A queue with events, as ARN or ARN,role=ARN; repeatable
    #[arg(long, value_name = "ARN", value_parser = queue, help_heading = "Policies")]
    pub(crate) event_queue: Vec<EventQueue>,
    /// ARN of a customer managed key that encrypts the values; repeatable
    #[arg(long, value_name = "ARN", value_parser = key, help_heading = "Policies")]
    pub(crate) kms_key: Vec<Arn>,
    /// Secrets in each account and region, which lists contain [default: those in the manifests]
    #[arg(long, value_name = "N", value_parser = number(), help_heading = "Assumptions")]
    pub(crate) secrets_in_account: Option<u64>,
    /// The controller's flag: values with shorter intervals are read, because lists lag by up to 5 minutes
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = interval, help_heading = "Assumptions")]
    pub(crate) min_list_interval: Duration,
    /// How many times a month each value changes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = number(), help_heading = "Assumptions")]
    pub(crate) changes_per_month: u64,
    /// How many values each `dataFrom.find` finds
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = number(), help_heading = "Assumptions")]
    pub(crate) values_per_find: u64,
}

/// A format of the plan.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// a table for people
    #[default]
    Table,
    /// everything, with the policies
    Json,
}

/// How changes are noticed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum PlanMode {
    /// by events; all values are read once a day
    Events,
    /// by lists of versions, where these cost less than reads; all values are read once a day
    Lists,
    /// by reading all values at the refresh interval, in batches
    Batches,
}

fn number() -> clap::builder::RangedU64ValueParser {
    value_parser!(u64).range(..=MAX_NUMBER)
}

fn account(text: &str) -> Result<String, String> {
    is_account(text).then(|| text.to_owned()).ok_or_else(|| "an account has 12 digits".to_owned())
}

fn queue(text: &str) -> Result<EventQueue, String> {
    let example = "arn:aws:sqs:eu-west-1:123456789012:events";
    EventQueue::parse(text).ok_or_else(|| format!("write it like {example}"))
}

fn key(text: &str) -> Result<Arn, String> {
    let example = "arn:aws:kms:eu-west-1:123456789012:key/*";
    let key = Arn::parse(text).filter(|arn| arn.is_of("kms"));
    key.ok_or_else(|| format!("write it like {example}"))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = go_duration::parse(text).filter(|interval| !interval.is_zero());
    interval.ok_or_else(|| "write it like 5m or 1h30m".to_owned())
}
