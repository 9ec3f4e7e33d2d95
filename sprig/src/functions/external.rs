//! The functions that External Secrets adds to Sprig.

mod jwk;
mod pem;
mod pkcs12;
mod rsa;
mod text;

use super::listing::Group;

/// Group by group.
pub(super) fn groups() -> [Group; 5] {
    [
        ("JSON Web Keys", jwk::FUNCTIONS),
        ("PEM", pem::FUNCTIONS),
        ("PKCS#12", pkcs12::FUNCTIONS),
        ("RSA", rsa::FUNCTIONS),
        ("YAML and hexadecimal digits", text::FUNCTIONS),
    ]
}
