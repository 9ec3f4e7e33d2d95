//! Dotenv files: `KEY=value` lines.
//!
//! There is no standard, and the readers people use disagree; what a value means is therefore never
//! guessed. Nothing is interpolated, ever: `pa$$word` is a password.
//!
//! - `export` before a key is allowed; blanks around `=` are dropped.
//! - Without quotes a value ends at the line's end, or before a `#` that follows a blank.
//! - In single quotes everything is literal. In double quotes `\n \r \t \\ \" \$` are escapes and any
//!   other backslash is refused. Quoted values may span lines.
//! - CRLF ends a line as LF does, and is LF inside quotes.

use std::collections::HashMap;

use sealing::Plaintext;
use zeroize::Zeroizing;

use super::{At, Entry, Problem};
use crate::names;

/// The values, in the order of the file.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, At<DotenvProblem>> {
    let mut cursor = Cursor { rest: text, line: 1 };
    let mut entries = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    while let Some(key) = cursor.key()? {
        let line = cursor.line;
        if let Some(first) = lines.insert(key.clone(), line) {
            return Err(At::line(line, DotenvProblem::Duplicate { key, first }));
        }
        let value = Plaintext::new(cursor.value()?.as_bytes().to_vec());
        entries.push(Entry { key, value, line });
    }
    Ok(entries)
}

/// Why a line is not dotenv. No text names any of it but a valid key: anything else on the line may
/// be part of a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DotenvProblem {
    /// A line that assigns nothing.
    #[error("a line without `=`")]
    NoEquals,
    /// What stands before `=` is no key of a Secret.
    #[error("what stands before `=` is not a valid key")]
    BadKey,
    /// The same key twice.
    #[error("the key `{key}` is already on line {first}")]
    Duplicate {
        /// The key.
        key: String,
        /// The line of the first.
        first: usize,
    },
    /// A quote that never ends.
    #[error("the {0} quote that opens here is never closed")]
    Unterminated(Quote),
    /// A backslash before another character.
    #[error("an escape that is none of \\n \\r \\t \\\\ \\\" \\$")]
    BadEscape,
    /// Something between the closing quote and the end of the line.
    #[error("text after the closing {0} quote")]
    AfterQuote(Quote),
}

/// Which quote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Quote {
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

impl Problem for DotenvProblem {
    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoEquals => "a value that spans lines needs quotes; a comment starts with `#`",
            Self::BadKey => "a key has up to 253 letters, digits, `-`, `_` and `.`",
            Self::Duplicate { .. } => "remove one of the two",
            Self::Unterminated(_) => {
                "close the quote, or put the value in the other kind of quotes if it holds one"
            }
            Self::BadEscape => "in single quotes a backslash is a backslash",
            Self::AfterQuote(Quote::Single) => {
                "quotes are not joined as in a shell: put a value with `'` in double quotes; a comment needs a blank before `#`"
            }
            Self::AfterQuote(Quote::Double) => {
                "write a `\"` inside double quotes as `\\\"`; a comment needs a blank before `#`"
            }
        };
        vec![hint.to_owned()]
    }
}

struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

const BLANKS: [char; 2] = [' ', '\t'];

impl<'a> Cursor<'a> {
    /// The next key, with the cursor behind its `=` and the blanks that follow; none at the end.
    fn key(&mut self) -> Result<Option<String>, At<DotenvProblem>> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let line = self.peek_line().trim_start_matches(BLANKS);
            if !line.is_empty() && !line.starts_with('#') {
                break;
            }
            self.take_line();
        }
        let (head, _) =
            self.peek_line().split_once('=').ok_or_else(|| self.at(DotenvProblem::NoEquals))?;
        self.rest = &self.rest[head.len() + 1..];
        let key = head.trim_matches(BLANKS);
        let key = match key.strip_prefix("export") {
            Some(exported) if exported.starts_with(BLANKS) => exported.trim_start_matches(BLANKS),
            _ => key,
        };
        if names::is_secret_key(key) {
            Ok(Some(key.to_owned()))
        } else {
            Err(self.at(DotenvProblem::BadKey))
        }
    }

    /// The value at the cursor, and the rest of its last line.
    fn value(&mut self) -> Result<Zeroizing<String>, At<DotenvProblem>> {
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
            _ => {
                Ok(Zeroizing::new(strip_comment(self.take_line()).trim_matches(BLANKS).to_owned()))
            }
        }
    }

    fn single_quoted(&mut self) -> Result<Zeroizing<String>, At<DotenvProblem>> {
        let (value, _) = self
            .rest
            .split_once('\'')
            .ok_or_else(|| self.at(DotenvProblem::Unterminated(Quote::Single)))?;
        self.rest = &self.rest[value.len() + 1..];
        self.line += value.matches('\n').count();
        self.after_quote(Quote::Single)?;
        Ok(Zeroizing::new(value.replace("\r\n", "\n")))
    }

    fn double_quoted(&mut self) -> Result<Zeroizing<String>, At<DotenvProblem>> {
        let unterminated = self.at(DotenvProblem::Unterminated(Quote::Double));
        // Never grown: a copy left behind by growing would not be wiped.
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
    fn after_quote(&mut self, quote: Quote) -> Result<(), At<DotenvProblem>> {
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

    fn at(&self, problem: DotenvProblem) -> At<DotenvProblem> {
        At::line(self.line, problem)
    }
}

/// The line up to a `#` that follows a blank.
fn strip_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| line[..*at].ends_with(BLANKS));
    comment.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<(String, String)> {
        let value = |entry: &Entry| String::from_utf8(entry.value.expose().to_vec()).unwrap();
        parse(text).ok().unwrap().iter().map(|entry| (entry.key.clone(), value(entry))).collect()
    }

    fn value(text: &str) -> String {
        values(text).remove(0).1
    }

    fn problem(text: &str) -> (usize, DotenvProblem) {
        let at = parse(text).err().unwrap();
        (at.line.unwrap(), at.problem)
    }

    #[test]
    fn export_is_allowed_and_a_key_of_that_name_too() {
        assert_eq!(
            values("export A=1\nexport\tB=2\nexport=3\n export  C = 4"),
            [
                ("A".to_owned(), "1".to_owned()),
                ("B".to_owned(), "2".to_owned()),
                ("export".to_owned(), "3".to_owned()),
                ("C".to_owned(), "4".to_owned()),
            ]
        );
    }

    #[test]
    fn blanks_around_the_equals_sign_are_dropped() {
        assert_eq!(value(" A \t=\t x y  \n"), "x y");
        assert_eq!(value("A="), "");
        assert_eq!(value("A =  \n"), "");
        assert_eq!(value("A=b=c=="), "b=c==");
    }

    #[test]
    fn a_hash_after_a_blank_starts_a_comment() {
        assert_eq!(value("# first\n\n  # second\nA=x # comment\n"), "x");
        assert_eq!(value("A=x#y"), "x#y");
        assert_eq!(value("A=#x"), "#x");
        assert_eq!(value("A= #x"), "");
        assert_eq!(value("A=a b\t# c # d"), "a b");
        assert_eq!(value("A='x # y' # z"), "x # y");
        assert_eq!(value("A=\"x # y\"\t#z"), "x # y");
    }

    #[test]
    fn nothing_is_interpolated() {
        for raw in
            ["pa$$word", "$HOME", "${HOME}", "`id`", "$(id)", "a\\nb", "it's", "a\"b", "100%"]
        {
            assert_eq!(value(&format!("A={raw}")), raw);
        }
        assert_eq!(value("A=\"$HOME ${HOME}\""), "$HOME ${HOME}");
        assert_eq!(value("A='$HOME\\n'"), "$HOME\\n");
    }

    #[test]
    fn double_quotes_know_six_escapes_and_refuse_the_others() {
        assert_eq!(value(r#"A="\n\r\t\\\"\$""#), "\n\r\t\\\"$");
        for text in ["A=\"\\x\"", "A=\"\n\\a\"", "A=\"\\\n\"", "A=\"\\'\""] {
            assert_eq!(problem(text).1, DotenvProblem::BadEscape, "{text}");
        }
        assert_eq!(problem("A=\"\n\n\\q\"").0, 3);
    }

    #[test]
    fn quoted_values_span_lines_and_crlf_is_accepted() {
        assert_eq!(
            values("A='1\n2'\nB=\"3\r\n4\"\r\nC=5\r\nD=6\r"),
            [
                ("A".to_owned(), "1\n2".to_owned()),
                ("B".to_owned(), "3\n4".to_owned()),
                ("C".to_owned(), "5".to_owned()),
                ("D".to_owned(), "6".to_owned()),
            ]
        );
    }

    #[test]
    fn errors_carry_the_line() {
        assert_eq!(problem("A=1\nB\n"), (2, DotenvProblem::NoEquals));
        assert_eq!(problem("\n=1"), (2, DotenvProblem::BadKey));
        assert_eq!(problem("A B=1"), (1, DotenvProblem::BadKey));
        assert_eq!(problem("export A B=1"), (1, DotenvProblem::BadKey));
        assert_eq!(
            problem("A='1\n2'\n\nA=3"),
            (4, DotenvProblem::Duplicate { key: "A".to_owned(), first: 1 })
        );
        assert_eq!(problem("A=1\nB='x\ny"), (2, DotenvProblem::Unterminated(Quote::Single)));
        assert_eq!(problem("A=\"x\ny\\\""), (1, DotenvProblem::Unterminated(Quote::Double)));
        assert_eq!(problem("A='x\n'y"), (2, DotenvProblem::AfterQuote(Quote::Single)));
        assert_eq!(problem("A=\"x\"#y"), (1, DotenvProblem::AfterQuote(Quote::Double)));
        assert_eq!(problem("A='it'\\''s'"), (1, DotenvProblem::AfterQuote(Quote::Single)));
    }

    fn double_quote(text: &str) -> String {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            match c {
                '\r' => quoted += "\\r",
                '\\' | '"' => quoted.extend(['\\', c]),
                c => quoted.push(c),
            }
        }
        quoted + "\""
    }

    proptest! {
        #[test]
        fn any_string_in_double_quotes_comes_back(text in any::<String>(), more in any::<String>()) {
            let file = format!("A={} # c\nexport B = {}\n", double_quote(&text), double_quote(&more));
            let expected = vec![("A".to_owned(), text), ("B".to_owned(), more)];
            prop_assert_eq!(values(&file), expected);
        }

        #[test]
        fn any_string_in_single_quotes_comes_back(text in "[^'\r]*") {
            prop_assert_eq!(value(&format!("A='{text}'")), text);
        }

        #[test]
        fn no_input_makes_it_panic(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn no_near_miss_makes_it_panic(text in "([AB=#'\"\\\\ \t\r\n$]|export){0,40}") {
            if let Err(at) = parse(&text) {
                prop_assert!((1..=text.matches('\n').count() + 1).contains(&at.line.unwrap()));
            }
        }
    }
}
