//! Rust source as tokens, comments and string literals.
//!
//! A lexer is enough to find paths, calls and texts. A parser would be a dependency that takes long
//! to build.

use super::text::Text;

/// A token of code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    /// An identifier or a keyword.
    Word(String),
    /// `::`.
    PathSeparator,
    /// Any other character of punctuation.
    Punctuation(char),
    /// A literal, or a lifetime.
    Other,
}

impl Token {
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn is(&self, character: char) -> bool {
        *self == Token::Punctuation(character)
    }
}

/// A token and its line, which counts from one.
pub(super) type Placed = (Token, usize);

/// The parts of a Rust file.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) tokens: Vec<Placed>,
    /// Comments. Consecutive lines form one comment.
    pub(super) comments: Vec<Text>,
    pub(super) strings: Vec<Text>,
}

/// Splits a file.
pub(super) fn lex(text: &str) -> Source {
    let mut lexer = Lexer { rest: text, line: 1, source: Source::default(), before_comment: 0 };
    while let Some(next) = lexer.rest.chars().next() {
        lexer.step(next);
    }
    lexer.source
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    source: Source,
    /// The number of tokens before the last comment.
    before_comment: usize,
}

impl<'a> Lexer<'a> {
    fn step(&mut self, next: char) {
        if self.rest.starts_with("//") {
            self.line_comment();
        } else if self.rest.starts_with("/*") {
            self.block_comment();
        } else if let Some(hashes) = raw_string(self.rest) {
            self.raw_string(hashes);
        } else if self.rest.starts_with("b\"") || self.rest.starts_with("c\"") {
            self.take(1);
            self.string();
        } else if next == '"' {
            self.string();
        } else if next == '\'' {
            self.character_or_lifetime();
        } else if self.rest.starts_with("::") {
            self.push(Token::PathSeparator);
            self.take(2);
        } else if next == '_' || next.is_alphabetic() {
            let end = end_of(self.rest, |letter| letter == '_' || letter.is_alphanumeric());
            let word = self.rest[..end].to_owned();
            self.push(Token::Word(word));
            self.take(end);
        } else if next.is_ascii_digit() {
            let end = end_of(self.rest, |digit| digit == '_' || digit.is_alphanumeric());
            self.push(Token::Other);
            self.take(end);
        } else {
            if !next.is_whitespace() {
                self.push(Token::Punctuation(next));
            }
            self.take(next.len_utf8());
        }
    }

    fn push(&mut self, token: Token) {
        self.source.tokens.push((token, self.line));
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let text = self.take(end).trim_start_matches('/').trim_start_matches('!');
        let is_next = self.before_comment == self.source.tokens.len();
        match self.source.comments.last_mut() {
            Some(last) if is_next && last.last_line() + 1 == line => last.append(text),
            _ => self.source.comments.push(Text::new(line, text)),
        }
        self.before_comment = self.source.tokens.len();
    }

    fn block_comment(&mut self) {
        let line = self.line;
        let mut depth = 0_usize;
        let mut end = 0;
        while end < self.rest.len() {
            let rest = &self.rest.as_bytes()[end..];
            if rest.starts_with(b"/*") {
                depth += 1;
                end += 2;
            } else if rest.starts_with(b"*/") {
                depth -= 1;
                end += 2;
                if depth == 0 {
                    break;
                }
            } else {
                end += 1;
            }
        }
        let text = self.take(end);
        self.source.comments.push(Text::new(line, text));
    }

    fn string(&mut self) {
        let line = self.line;
        let mut is_escaped = false;
        let end = self.rest[1..].find(|character| {
            let is_end = character == '"' && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            is_end
        });
        let end = end.map_or(self.rest.len(), |end| end + 2);
        self.push(Token::Other);
        let text = self.take(end);
        self.source.strings.push(Text::new(line, text.trim_matches('"')));
    }

    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        let start = self.rest.find('"').map_or(0, |quote| quote + 1);
        let closing = format!("\"{}", "#".repeat(hashes));
        let length = self.rest[start..].find(&closing).unwrap_or(self.rest.len() - start);
        self.push(Token::Other);
        let text = self.take((start + length + closing.len()).min(self.rest.len()));
        let text = text.get(start..start + length).unwrap_or_default();
        self.source.strings.push(Text::new(line, text));
    }

    fn character_or_lifetime(&mut self) {
        let mut characters = self.rest.char_indices().skip(1);
        let end = match (characters.next(), characters.next()) {
            (Some((_, '\\')), Some((at, escaped))) => {
                let from = at + escaped.len_utf8();
                self.rest[from..].find('\'').map_or(self.rest.len(), |end| from + end + 1)
            }
            (Some(_), Some((at, '\''))) => at + 1,
            _ => 1 + end_of(&self.rest[1..], |letter| letter == '_' || letter.is_alphanumeric()),
        };
        self.push(Token::Other);
        self.take(end);
    }
}

/// The number of `#` of a raw string that starts here.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("br").or_else(|| text.strip_prefix("cr"));
    let rest = rest.or_else(|| text.strip_prefix('r'))?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

fn end_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let tokens = lex(text).tokens.into_iter();
        tokens.filter_map(|(token, _)| token.word().map(str::to_owned)).collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        let text = "// use crate::a;\n/* use /* crate::b */ */ let x = \"crate::c\"; r#\"d\"e\"# f";
        assert_eq!(words(text), ["let", "x", "f"]);
        let source = lex(text);
        assert_eq!(source.strings[1].text(), "d\"e");
        assert_eq!(source.comments[0].text(), " use crate::a;");
    }

    #[test]
    fn quotes_in_characters_and_strings_end_nothing() {
        assert_eq!(
            words(r#"'"' a '\'' b '\\' c "\"" d "\\" e &'static f"#),
            ["a", "b", "c", "d", "e", "f"]
        );
        assert_eq!(words(r"b'\'' g '\u{7f}' h"), ["b", "g", "h"]);
    }

    #[test]
    fn comment_lines_in_a_row_are_one_comment() {
        let source = lex("/// One\n/// two.\nfn a() {} // three\n\n// four");
        let texts: Vec<_> = source.comments.iter().map(|text| (text.line(), text.text())).collect();
        assert_eq!(texts, [(1, " One\n two."), (3, " three"), (5, " four")]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let source = lex("/* \n */ \"\n\" a");
        assert_eq!(source.tokens.last().unwrap(), &(Token::Word("a".to_owned()), 3));
    }
}
