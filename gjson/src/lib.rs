//! Paths into JSON in the syntax of Go's [gjson](https://github.com/tidwall/gjson) 1.18, with
//! gjson's results.
//!
//! A path consists of names and indexes separated by dots. In a name, `*` and `?` are wildcards and
//! `\` escapes the next character. `#` is the length of an array or, before a dot, each of its
//! elements. `#(a=="x")` is the first element that matches a query, `#(…)#` all of them. `{a,b}`
//! and `[a,b]` build an object or array from several paths, `!"x"` is a literal, and modifiers such
//! as `@keys` transform a value. The path after a `|` applies to the whole result so far.
//!
//! ```text
//!  get: one step per pipe ─┬▶ search: walks the document ─▶ path, query, wildcard
//!                          ├▶ multipaths and literals
//!                          └▶ modify ─▶ pretty ─▶ sort
//!  shared: value ─▶ scan, text, number, valid; limits
//! ```
//!
//! Like gjson, this crate reads no further than it must and does not validate. For a document that
//! is not JSON, it returns what gjson returns. `README.md` lists the deliberate differences, and
//! how the crate is tested against the original.
//!
//! Paths are recursive: a query, a multipath and a modifier may contain a path. So `get`, `search`
//! and `modify` call each other.

mod error;
mod get;
mod limits;
mod members;
mod modifier;
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
mod wildcard;

use zeroize::Zeroizing;

use crate::limits::Work;

pub use crate::error::Error;

/// The value at a path, as Go's `gjson.Get(json, path).String()` returns it.
///
/// Strings are unquoted. Numbers with a point or an exponent are formatted as Go's `strconv` does
/// it: `1.50` becomes `1.5`. Everything else is returned as the document has it.
///
/// ```
/// let json = br#"{"users": [{"name": "ann", "age": 31}, {"name": "bob", "age": 44}]}"#;
/// assert_eq!(*gjson::get(json, "users.#(age>40).name")?, *b"bob");
/// assert_eq!(*gjson::get(json, "users.#.age")?, *b"[31,44]");
/// # Ok::<(), gjson::Error>(())
/// ```
pub fn get(json: &[u8], path: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    lookup(json, path, &Work::new())?.ok_or(Error::Missing)
}

/// Like [`get`], but a member whose name is the whole path, dots included, takes precedence.
///
/// The AWS providers of the External Secrets Operator read properties this way. Both attempts share
/// one budget.
///
/// ```
/// let json = br#"{"tls.crt": "PEM", "db": {"user": "app"}}"#;
/// assert_eq!(*gjson::get_name_or_path(json, "tls.crt")?, *b"PEM");
/// assert_eq!(*gjson::get_name_or_path(json, "db.user")?, *b"app");
/// # Ok::<(), gjson::Error>(())
/// ```
pub fn get_name_or_path(json: &[u8], path: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let work = Work::new();
    if path.contains('.')
        && let Some(found) = lookup(json, &path.replace('.', "\\."), &work)?
    {
        return Ok(found);
    }
    lookup(json, path, &work)?.ok_or(Error::Missing)
}

/// The members of a JSON object in document order, with their values as Go's `encoding/json`
/// decodes them into strings: strings unquoted, `null` empty, everything else as the document has
/// it.
///
/// A repeated name is returned each time. `null` has no members. The result is `None` if `json` is
/// not valid JSON or neither an object nor `null`.
///
/// ```
/// let members = gjson::members(br#"{"user": "app", "port": 5432}"#).unwrap();
/// assert_eq!(members[1].0, "port");
/// assert_eq!(*members[1].1, *b"5432");
/// ```
pub fn members(json: &[u8]) -> Option<Vec<(String, Zeroizing<Vec<u8>>)>> {
    members::members(json)
}

fn lookup(json: &[u8], path: &str, work: &Work) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let value = get::get(json, path.as_bytes(), 0, work)?;
    let raw = value.as_raw();
    Ok(raw.exists().then(|| raw.text().into_owned()))
}
