//! Which functions the templates of each kind may call.

pub use sprig::group;

use gotemplate::Dialect;

/// The dialect of SealedSecrets: Go's functions and Sprig's, as Bitnami's controller has them.
pub fn sealed_secret() -> Dialect {
    sprig::dialect()
}

/// The dialect of ExternalSecrets: that of SealedSecrets and the functions that External Secrets adds. A
/// key that a map does not have is an error.
pub fn external_secret() -> Dialect {
    sprig::external_secrets_dialect()
}
