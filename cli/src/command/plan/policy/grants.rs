//! The permissions of one identity, by their purpose.

use std::collections::{BTreeMap, BTreeSet};

/// The permissions of an identity.
#[derive(Default)]
pub(in crate::command::plan) struct Grants {
    /// The stores that use it.
    pub(in crate::command::plan) stores: BTreeSet<String>,
    pub(in crate::command::plan) statements: BTreeMap<Purpose, BTreeSet<String>>,
    /// The endpoints through which the identity uses keys of KMS.
    pub(in crate::command::plan) endpoints: BTreeSet<String>,
}

/// The statements of a policy, in their order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::command::plan) enum Purpose {
    AssumeRoles,
    AssumeRolesWithTags,
    DecryptValues,
    DescribeParameters,
    DescribeSecrets,
    FindParameters,
    ListSecrets,
    ReadParameterTags,
    ReadParameters,
    ReadParametersInBatches,
    ReadSecrets,
    ReadSecretsInBatches,
    ReceiveEvents,
}

impl Purpose {
    pub(in crate::command::plan) fn sid(self) -> String {
        format!("{self:?}")
    }

    pub(in crate::command::plan) fn actions(self) -> &'static [&'static str] {
        match self {
            Self::AssumeRoles => &["sts:AssumeRole"],
            Self::AssumeRolesWithTags => &["sts:AssumeRole", "sts:TagSession"],
            Self::DecryptValues => &["kms:Decrypt"],
            Self::DescribeParameters => &["ssm:DescribeParameters"],
            Self::DescribeSecrets => &["secretsmanager:DescribeSecret"],
            Self::FindParameters => &["ssm:GetParametersByPath"],
            Self::ListSecrets => &["secretsmanager:ListSecrets"],
            Self::ReadParameterTags => &["ssm:ListTagsForResource"],
            Self::ReadParameters => &["ssm:GetParameter"],
            Self::ReadParametersInBatches => &["ssm:GetParameters"],
            Self::ReadSecrets => &["secretsmanager:GetSecretValue"],
            Self::ReadSecretsInBatches => &["secretsmanager:BatchGetSecretValue"],
            Self::ReceiveEvents => &["sqs:DeleteMessage", "sqs:ReceiveMessage"],
        }
    }
}
