//! Where a store reads: only events of this place concern it.

use crds::secret_store::{Aws, AwsService};

use crate::aws::events::Hint;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) service: AwsService,
    pub(super) region: String,
    /// The store puts it before each name.
    pub(super) prefix: String,
    /// By the role that the store assumes last. None: only AWS knows.
    pub(super) account: Option<String>,
    /// Whether the store reads with the identity of the controller's Pod, unless it assumes a role.
    pub(super) is_pod: bool,
}

impl Place {
    pub(super) fn of(aws: &Aws) -> Self {
        let own = Some(&aws.role).filter(|role| !role.is_empty());
        let role = own.or_else(|| aws.additional_roles.last());
        let account = role.and_then(|role| role.split(':').nth(4));
        Self {
            service: aws.service,
            region: aws.region.clone(),
            prefix: aws.prefix.clone(),
            is_pod: aws.auth.jwt.is_none() && aws.auth.secret_ref.is_none(),
            account: account.filter(|account| !account.is_empty()).map(ToOwned::to_owned),
        }
    }

    /// Whether the store may read the value in the hint.
    pub(super) fn covers(&self, hint: &Hint) -> bool {
        self.service == hint.service && self.region == hint.region
    }

    /// Whether a name without an account is that in the hint.
    pub(super) fn is_account_of(&self, hint: &Hint) -> bool {
        self.account.as_ref().is_none_or(|account| *account == hint.account)
    }
}
