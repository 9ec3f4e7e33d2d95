//! Sprig's functions, grouped as its documentation groups them.

mod cases;
mod convert;
mod crypto;
mod dates;
mod decimal;
mod defaults;
mod dicts;
mod encoding;
mod floats;
mod hashes;
mod integers;
mod json;
mod lists;
mod merge;
mod paths;
mod random;
mod reflection;
mod regex;
mod semver;
mod strings;
mod urls;
mod words;
mod wrap;

use std::sync::LazyLock;

use super::{Function, GO};

/// Go's built-in functions and Sprig's, sorted by name. Where both have one, it is Sprig's.
pub(crate) static SPRIG: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions: Vec<_> = groups().into_iter().flatten().collect();
    let is_free = |function: &&&Function| functions.iter().all(|own| own.name != function.name);
    let built_in: Vec<_> = GO.iter().filter(is_free).copied().collect();
    functions.extend(built_in);
    functions.sort_by_key(|function| function.name);
    functions
});

/// What Sprig adds, group by group.
pub(crate) fn groups() -> [&'static [Function]; 18] {
    [
        convert::FUNCTIONS,
        crypto::FUNCTIONS,
        dates::FUNCTIONS,
        defaults::FUNCTIONS,
        dicts::FUNCTIONS,
        encoding::FUNCTIONS,
        floats::FUNCTIONS,
        hashes::FUNCTIONS,
        integers::FUNCTIONS,
        json::FUNCTIONS,
        lists::FUNCTIONS,
        paths::FUNCTIONS,
        random::FUNCTIONS,
        reflection::FUNCTIONS,
        regex::FUNCTIONS,
        semver::FUNCTIONS,
        strings::FUNCTIONS,
        urls::FUNCTIONS,
    ]
}
