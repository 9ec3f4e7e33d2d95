//! What External Secrets adds to Sprig.

mod jwk;
mod pem;
mod pkcs12;
mod rsa;
mod text;

use std::sync::LazyLock;

use super::{Function, Group, SPRIG};

/// Go's, Sprig's and those of External Secrets, sorted by name.
pub(crate) static EXTERNAL: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions = SPRIG.clone();
    functions.extend(groups().iter().flat_map(|group| group.1));
    functions.sort_by_key(|function| function.name);
    functions
});

/// Group by group.
pub(crate) fn groups() -> [Group; 5] {
    [
        Group("JSON Web Keys", jwk::FUNCTIONS),
        Group("PEM", pem::FUNCTIONS),
        Group("PKCS#12", pkcs12::FUNCTIONS),
        Group("RSA", rsa::FUNCTIONS),
        Group("YAML and hexadecimal digits", text::FUNCTIONS),
    ]
}
