//! Dotenv files: `KEY=value` lines.
//!
//! No standard exists, and other readers disagree about the details. This one never guesses what a
//! value means, and never interpolates: `pa$$word` is a password.
//!
//! - `export` before a key is allowed. Blanks around `=` are dropped.
//! - An unquoted value ends at the end of its line, or before a `#` that follows a blank.
//! - Single quotes make everything literal. In double quotes, `\n \r \t \\ \" \$` are escapes and any
//!   other backslash is an error. Quoted values may span lines.
//! - CRLF ends a line like LF, and becomes LF inside quotes. A CR elsewhere is an error.
//! - An unquoted value that was probably meant to go on is an error: one that ends with a backslash, and
//!   JSON that a comment would cut. So is a line of base64, which would become a key.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::{
    entry::Entry,
    key::{KEY_RULE, is_secret_key},
    located::Located,
    secret_bytes::SecretBytes,
};

mod base64;

/// The values, in the order of the file.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, Located<DotenvProblem>> {
    if let Some(at) = lone_carriage_return(text) {
        let line = 1 + text[..at].matches('\n').count();
        return Err(Located::at_line(line, DotenvProblem::CarriageReturn));
    }
    let mut cursor = Cursor { rest: text, line: 1, broken: None };
    let mut entries = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    while let Some(key) = cursor.key()? {
        let line = cursor.line;
        if let Some(first) = lines.insert(key.clone(), line) {
            return Err(Located::at_line(line, DotenvProblem::Duplicate { key, first }));
        }
        let value = SecretBytes::new(cursor.value()?.as_bytes().to_vec());
        entries.push(Entry { key, value, line });
    }
    Ok(entries)
}

/// Why a line is not dotenv. Messages quote only valid keys, because any other part of the line may
/// belong to a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DotenvProblem {
    /// A carriage return that ends no line, or is the only end of one.
    #[error("a carriage return without a line feed")]
    CarriageReturn,
    /// The line assigns nothing.
    #[error("a line without `=`")]
    NoEquals,
    /// The text before `=` is not a key of a Secret.
    #[error("the text before `=` is not a valid key")]
    BadKey,
    /// A line of base64, which would become a key.
    #[error("a line of base64, not an assignment")]
    Base64,
    /// An unquoted value ends with a backslash.
    #[error("a backslash at the end of a value without quotes")]
    TrailingBackslash,
    /// A comment would cut unquoted JSON.
    #[error("the value is not in quotes, and ` #` starts a comment inside it")]
    CutByComment,
    /// The file sets a key twice.
    #[error("the key `{key}` is already on line {first}")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the first.
        first: usize,
    },
    /// A quote without its end.
    #[error("the {0} quote that opens here is never closed")]
    Unterminated(Quote),
    /// A backslash before another character.
    #[error("unknown escape: only \\n \\r \\t \\\\ \\\" \\$ are allowed")]
    BadEscape,
    /// Text between the closing quote and the end of the line.
    #[error("text after the closing {0} quote")]
    AfterQuote(Quote),
}

/// A kind of quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quote {
    /// `'`
    Single,
    /// `"`
    Double,
}

impl std::fmt::Display for Quote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Double => "double",
        })
    }
}

impl DotenvProblem {
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::CarriageReturn => {
                "save the file with LF or CRLF line ends; in double quotes, `\\r` is a carriage return"
            }
            Self::Base64 => {
                "put a value that spans lines in quotes, or on one line; an empty value is `KEY=\"\"`"
            }
            Self::TrailingBackslash => {
                "put the value in single quotes, where a backslash is a backslash; a value that spans lines needs quotes instead of backslashes"
            }
            Self::CutByComment => {
                "put the value in single quotes, or in double quotes with `\\\"` for each `\"`"
            }
            Self::NoEquals => "a value that spans lines needs quotes; a comment starts with `#`",
            Self::BadKey => KEY_RULE,
            Self::Duplicate { .. } => "remove one of the two",
            Self::Unterminated(_) => {
                "close the quote, or use the other kind of quotes if the value contains this one"
            }
            Self::BadEscape => "put the value in single quotes, where a backslash is a backslash",
            Self::AfterQuote(Quote::Single) => {
                "quotes are not joined as in a shell: put a value with `'` in double quotes; a comment needs a blank before `#`"
            }
            Self::AfterQuote(Quote::Double) => {
                "write a `\"` inside double quotes as `\\\"`; a comment needs a blank before `#`"
            }
        }
    }
}

struct Cursor<'a> {
    rest: &'a str,
    line: usize,
    /// The unquoted value of the line before, if the next line may be the rest of it.
    broken: Option<&'a str>,
}

const BLANKS: [char; 2] = [' ', '\t'];

impl<'a> Cursor<'a> {
    /// The next key; none at the end of the file. Leaves the cursor after the `=`.
    fn key(&mut self) -> Result<Option<String>, Located<DotenvProblem>> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let line = self.peek_line().trim_start_matches(BLANKS);
            if !line.is_empty() && !line.starts_with('#') {
                break;
            }
            self.broken = None;
            self.take_line();
        }
        if base64::is_part(strip_comment(self.peek_line()).trim_matches(BLANKS), self.broken.take())
        {
            return Err(self.at(DotenvProblem::Base64));
        }
        let (head, _) =
            self.peek_line().split_once('=').ok_or_else(|| self.at(DotenvProblem::NoEquals))?;
        self.rest = &self.rest[head.len() + 1..];
        let key = head.trim_matches(BLANKS);
        let key = match key.strip_prefix("export") {
            Some(exported) if exported.starts_with(BLANKS) => exported.trim_start_matches(BLANKS),
            _ => key,
        };
        if is_secret_key(key) {
            Ok(Some(key.to_owned()))
        } else {
            Err(self.at(DotenvProblem::BadKey))
        }
    }

    /// The value at the cursor. Consumes the rest of its last line too.
    fn value(&mut self) -> Result<Zeroizing<String>, Located<DotenvProblem>> {
        let line = self.peek_line();
        let blanks = line.len() - line.trim_start_matches(BLANKS).len();
        match line[blanks..].chars().next() {
            Some('\'') => {
                self.rest = &self.rest[blanks + 1..];
                self.single_quoted()
            }
            Some('"') => {
                self.rest = &self.rest[blanks + 1..];
                self.double_quoted()
            }
            _ => self.unquoted(),
        }
    }

    fn unquoted(&mut self) -> Result<Zeroizing<String>, Located<DotenvProblem>> {
        let line = self.peek_line();
        let value = strip_comment(line).trim_matches(BLANKS);
        if value.ends_with('\\') {
            return Err(self.at(DotenvProblem::TrailingBackslash));
        }
        if value.starts_with(['{', '[']) && value.len() < line.trim_matches(BLANKS).len() {
            return Err(self.at(DotenvProblem::CutByComment));
        }
        self.broken = Some(value);
        self.take_line();
        Ok(Zeroizing::new(value.to_owned()))
    }

    fn single_quoted(&mut self) -> Result<Zeroizing<String>, Located<DotenvProblem>> {
        let (value, _) = self
            .rest
            .split_once('\'')
            .ok_or_else(|| self.at(DotenvProblem::Unterminated(Quote::Single)))?;
        self.rest = &self.rest[value.len() + 1..];
        self.line += value.matches('\n').count();
        self.after_quote(Quote::Single)?;
        Ok(Zeroizing::new(value.replace("\r\n", "\n")))
    }

    fn double_quoted(&mut self) -> Result<Zeroizing<String>, Located<DotenvProblem>> {
        let unterminated = self.at(DotenvProblem::Unterminated(Quote::Double));
        // Growing would leave a copy behind that is not wiped.
        let mut value = Zeroizing::new(String::with_capacity(self.rest.len()));
        let mut chars = self.rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    self.after_quote(Quote::Double)?;
                    return Ok(Zeroizing::new(value.as_str().to_owned()));
                }
                '\\' => value.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    Some((_, c @ ('\\' | '"' | '$'))) => c,
                    Some(_) => return Err(self.at(DotenvProblem::BadEscape)),
                    None => return Err(unterminated),
                }),
                '\r' if chars.peek().is_some_and(|(_, next)| *next == '\n') => {}
                c => {
                    self.line += usize::from(c == '\n');
                    value.push(c);
                }
            }
        }
        Err(unterminated)
    }

    /// Only blanks and a comment may follow a closing quote.
    fn after_quote(&mut self, quote: Quote) -> Result<(), Located<DotenvProblem>> {
        let at = self.at(DotenvProblem::AfterQuote(quote));
        let tail = strip_comment(self.take_line());
        if tail.trim_matches(BLANKS).is_empty() && !tail.starts_with('#') {
            Ok(())
        } else {
            Err(at)
        }
    }

    /// The rest of the line, without its end.
    fn peek_line(&self) -> &'a str {
        let line = self.rest.split_once('\n').map_or(self.rest, |(line, _)| line);
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn take_line(&mut self) -> &'a str {
        let line = self.peek_line();
        match self.rest.split_once('\n') {
            Some((_, rest)) => {
                self.rest = rest;
                self.line += 1;
            }
            None => self.rest = "",
        }
        line
    }

    fn at(&self, problem: DotenvProblem) -> Located<DotenvProblem> {
        Located::at_line(self.line, problem)
    }
}

/// The first CR that is neither part of CRLF nor the last character. Programs on old Macs ended lines
/// with it: the file would be one line, whose first value contains all others.
fn lone_carriage_return(text: &str) -> Option<usize> {
    let next = |at: usize| text.as_bytes().get(at + 1);
    text.match_indices('\r').map(|(at, _)| at).find(|at| next(*at).is_some_and(|b| *b != b'\n'))
}

/// The line up to a `#` that follows a blank.
fn strip_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| line[..*at].ends_with(BLANKS));
    comment.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests;
