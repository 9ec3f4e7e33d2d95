//! What External Secrets adds to Sprig.

mod jwk;
mod pem;
mod pkcs12;
mod rsa;
mod text;

use std::sync::LazyLock;

use super::{Function, SPRIG};

/// Go's, Sprig's and those of External Secrets, sorted by name.
pub(crate) static EXTERNAL: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions = SPRIG.clone();
    functions.extend(groups().into_iter().flatten());
    functions.sort_by_key(|function| function.name);
    functions
});

/// Group by group.
pub(crate) fn groups() -> [&'static [Function]; 5] {
    [jwk::FUNCTIONS, pem::FUNCTIONS, pkcs12::FUNCTIONS, rsa::FUNCTIONS, text::FUNCTIONS]
}
