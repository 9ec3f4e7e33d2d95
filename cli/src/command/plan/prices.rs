//! Prices and quotas of AWS, as of November 2026. Both are per account and region, and do not depend on
//! the region in most of them.

use std::time::Duration;

/// AWS's price lists are per month. A plan's month has 30 days.
pub(super) const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Values in a `BatchGetSecretValue`.
pub(super) const SECRETS_IN_BATCH: u64 = 20;
/// Values in a `GetParameters`.
pub(super) const PARAMETERS_IN_BATCH: u64 = 10;
/// Secrets on a page of `ListSecrets`.
const SECRETS_ON_PAGE: u64 = 100;
/// Parameters on a page of `DescribeParameters`.
pub(super) const PARAMETERS_ON_PAGE: u64 = 50;
/// Parameters on a page of `GetParametersByPath`.
pub(super) const PARAMETERS_ON_PAGE_OF_PATH: u64 = 10;

/// How long AWS holds a request for messages while there are none.
pub(super) const LONG_POLL: Duration = Duration::from_secs(20);
/// A session of STS lasts an hour, and is renewed five minutes before it expires.
pub(super) const SESSION: Duration = Duration::from_secs(55 * 60);
/// The controller reads every value once a day, as proof.
pub(super) const DAYS: u64 = 30;
/// Into how many times of day it spreads these reads.
pub(super) const DAILY_SLOTS: u64 = 144;

/// The batches that read so many secrets.
pub(super) fn batches(secrets: u64) -> u64 {
    secrets.div_ceil(SECRETS_IN_BATCH)
}

/// The pages of a list of so many secrets.
pub(super) fn pages(secrets: u64) -> u64 {
    secrets.div_ceil(SECRETS_ON_PAGE).max(1)
}

/// A request to AWS.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Call {
    BatchGetSecretValue,
    DescribeSecret,
    GetSecretValue,
    ListSecrets,
    DescribeParameters,
    GetParameter,
    GetParameters,
    GetParametersByPath,
    ListTagsForResource,
    Decrypt,
    DeleteMessage,
    ReceiveMessage,
    AssumeRole,
    AssumeRoleWithWebIdentity,
}

impl Call {
    /// The action as IAM names it.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::BatchGetSecretValue => "secretsmanager:BatchGetSecretValue",
            Self::DescribeSecret => "secretsmanager:DescribeSecret",
            Self::GetSecretValue => "secretsmanager:GetSecretValue",
            Self::ListSecrets => "secretsmanager:ListSecrets",
            Self::DescribeParameters => "ssm:DescribeParameters",
            Self::GetParameter => "ssm:GetParameter",
            Self::GetParameters => "ssm:GetParameters",
            Self::GetParametersByPath => "ssm:GetParametersByPath",
            Self::ListTagsForResource => "ssm:ListTagsForResource",
            Self::Decrypt => "kms:Decrypt",
            Self::DeleteMessage => "sqs:DeleteMessage",
            Self::ReceiveMessage => "sqs:ReceiveMessage",
            Self::AssumeRole => "sts:AssumeRole",
            Self::AssumeRoleWithWebIdentity => "sts:AssumeRoleWithWebIdentity",
        }
    }

    /// In billionths of a dollar.
    pub(super) fn price(self) -> u64 {
        match self {
            // $0.05 for 10,000.
            Self::BatchGetSecretValue
            | Self::DescribeSecret
            | Self::GetSecretValue
            | Self::ListSecrets => 5_000,
            // $0.03 for 10,000, with a customer managed key.
            Self::Decrypt => 3_000,
            // $0.40 for 1,000,000, without the first million of a month, which is free.
            Self::DeleteMessage | Self::ReceiveMessage => 400,
            // Free, as standard parameters at standard throughput are.
            Self::DescribeParameters
            | Self::GetParameter
            | Self::GetParameters
            | Self::GetParametersByPath
            | Self::ListTagsForResource
            | Self::AssumeRole
            | Self::AssumeRoleWithWebIdentity => 0,
        }
    }

    /// Requests in a second, if AWS documents a limit that a cluster could reach.
    pub(super) fn quota(self) -> Option<u64> {
        match self {
            Self::BatchGetSecretValue | Self::ListSecrets => Some(100),
            Self::DescribeSecret => Some(40_000),
            Self::GetSecretValue => Some(10_000),
            // For these three together, without higher throughput.
            Self::GetParameter | Self::GetParameters | Self::GetParametersByPath => Some(40),
            // For both together.
            Self::AssumeRole | Self::AssumeRoleWithWebIdentity => Some(600),
            _ => None,
        }
    }
}
