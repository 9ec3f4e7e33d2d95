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

use super::{Function, GO, Group};

/// Go's built-in functions and Sprig's, sorted by name. Where both have one, it is Sprig's.
pub(crate) static SPRIG: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
    let mut functions: Vec<_> = groups().iter().flat_map(|group| group.1).collect();
    let is_free = |function: &&&Function| functions.iter().all(|own| own.name != function.name);
    let built_in: Vec<_> = GO.iter().filter(is_free).copied().collect();
    functions.extend(built_in);
    functions.sort_by_key(|function| function.name);
    functions
});

/// What Sprig adds, group by group.
pub(crate) fn groups() -> [Group; 18] {
    [
        Group("Conversion", convert::FUNCTIONS),
        Group("Passwords, keys, certificates, ciphers", crypto::FUNCTIONS),
        Group("Dates", dates::FUNCTIONS),
        Group("Defaults", defaults::FUNCTIONS),
        Group("Dicts", dicts::FUNCTIONS),
        Group("Encoding", encoding::FUNCTIONS),
        Group("Floats", floats::FUNCTIONS),
        Group("Hashes", hashes::FUNCTIONS),
        Group("Integers", integers::FUNCTIONS),
        Group("JSON", json::FUNCTIONS),
        Group("Lists", lists::FUNCTIONS),
        Group("Paths", paths::FUNCTIONS),
        Group("Random values", random::FUNCTIONS),
        Group("Types", reflection::FUNCTIONS),
        Group("Regular expressions", regex::FUNCTIONS),
        Group("Versions", semver::FUNCTIONS),
        Group("Strings", strings::FUNCTIONS),
        Group("URLs", urls::FUNCTIONS),
    ]
}
