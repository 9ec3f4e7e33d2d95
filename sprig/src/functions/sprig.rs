//! Sprig's functions, grouped like in its documentation.

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

use super::listing::Group;

/// Sprig's functions, group by group.
pub(super) fn groups() -> [Group; 18] {
    [
        ("Conversion", convert::FUNCTIONS),
        ("Passwords, keys, certificates, ciphers", crypto::FUNCTIONS),
        ("Dates", dates::FUNCTIONS),
        ("Defaults", defaults::FUNCTIONS),
        ("Dicts", dicts::FUNCTIONS),
        ("Encoding", encoding::FUNCTIONS),
        ("Floats", floats::FUNCTIONS),
        ("Hashes", hashes::FUNCTIONS),
        ("Integers", integers::FUNCTIONS),
        ("JSON", json::FUNCTIONS),
        ("Lists", lists::FUNCTIONS),
        ("Paths", paths::FUNCTIONS),
        ("Random values", random::FUNCTIONS),
        ("Types", reflection::FUNCTIONS),
        ("Regular expressions", regex::FUNCTIONS),
        ("Versions", semver::FUNCTIONS),
        ("Strings", strings::FUNCTIONS),
        ("URLs", urls::FUNCTIONS),
    ]
}
