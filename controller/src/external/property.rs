//! A part of a JSON value by a path, as External Secrets takes it with Go's gjson 1.18.
//!
//! A path is names and numbers between dots. `*` and `?` stand for letters of a name, `\` takes the
//! meaning off what follows. `#` is the length of an array or, in the middle, each of its elements;
//! `#(a=="x")` the first that fits, `#(…)#` all of them. `{a,b}` and `[a,b]` make a value of several,
//! `!"x"` is one itself, and modifiers like `@keys` make another value of one. Behind `|`, a path is of
//! all that was found.
//!
//! ```text
//!  property ─▶ get: pipe by pipe ─┬▶ search: into the value ─▶ path, query, wild
//!                                 ├▶ multipaths and literals
//!                                 └▶ modify ─▶ pretty ─▶ sort
//!              beneath: value ─▶ scan, text, number, valid; limits
//! ```
//!
//! Like gjson, it reads no further than it must and checks nothing: of what is not JSON something may
//! come out, and it is the same that comes out of gjson. `tests/gjson` has its answers, and what is
//! different.

mod get;
mod limits;
mod members;
mod modify;
mod number;
mod path;
mod pretty;
mod query;
mod scan;
mod search;
mod sort;
#[cfg(test)]
mod tests;
mod text;
mod valid;
mod value;
mod wild;

use zeroize::Zeroizing;

use self::limits::Work;

/// Why there is no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PropertyError {
    /// The value has no such part.
    Missing,
    /// The path takes too much: it goes too deep, looks at too much, or makes too large a value.
    TooComplex,
}

/// The part of `json` at `path`: strings unquoted, everything else as it is written, but numbers with
/// a point or an exponent as Go's `strconv` writes them (recorded, x03: `1.50` gives `1.5`).
///
/// # Errors
/// See [`PropertyError`].
pub fn property(json: &[u8], path: &str) -> Result<Zeroizing<Vec<u8>>, PropertyError> {
    let work = Work::new();
    let at = |path: &[u8]| {
        let value = get::get(json, path, 0, &work)?;
        let part = value.part();
        Ok(part.exists().then(|| part.text().into_owned()))
    };
    // A name that has dots itself comes first.
    if path.contains('.')
        && let Some(found) = at(path.replace('.', "\\.").as_bytes())?
    {
        return Ok(found);
    }
    at(path.as_bytes())?.ok_or(PropertyError::Missing)
}

/// The members of an object, in their order; none if it is no object, or not JSON to its end. Go reads
/// `null` into a map as an empty one.
pub fn members(json: &[u8]) -> Option<Vec<(String, Zeroizing<Vec<u8>>)>> {
    members::members(json)
}
