//! Splits a text into tokens.

use std::ops::Range;

use crate::{
    dialect::Delimiters,
    error::ParseErrorKind,
    limits::Meter,
    unicode::{is_digit, is_letter},
};

/// A token and its place in the text.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) at: Range<usize>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum TokenKind {
    /// Text outside actions, without the space that trim markers remove.
    Text,
    LeftDelimiter,
    RightDelimiter,
    Space,
    /// A reserved word.
    Keyword(Keyword),
    /// The name of a function.
    Identifier,
    /// `.name`
    Field,
    /// `$` or `$name`
    Variable,
    Dot,
    Nil,
    Bool(bool),
    Character,
    Number,
    /// `1+2i`
    Complex,
    QuotedString,
    RawString,
    LeftParenthesis,
    RightParenthesis,
    Pipe,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Comma,
    /// Another printable character.
    Other,
    /// The text's end.
    End,
    /// Text that is not a token. No token follows.
    Error(ParseErrorKind),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// The tokens of `text`. The last is an end or an error.
pub(crate) fn tokens(meter: &mut Meter<'_>, text: &str, delimiters: &Delimiters) -> Vec<Token> {
    let tokens = Vec::new();
    let mut lexer = Lexer { meter, text, delimiters, position: 0, parentheses: 0, tokens };
    let kind = lexer.text().err().map_or(TokenKind::End, TokenKind::Error);
    let at = lexer.position..lexer.position;
    lexer.tokens.push(Token { kind, at });
    lexer.tokens
}

/// The memory of a token and of its node in the tree, in bytes.
const TOKEN_BYTES: usize = 256;

struct Lexer<'a, 'm, 'e> {
    meter: &'m mut Meter<'e>,
    text: &'a str,
    delimiters: &'a Delimiters,
    position: usize,
    parentheses: usize,
    tokens: Vec<Token>,
}

type Lexed = Result<(), ParseErrorKind>;

impl<'a> Lexer<'a, '_, '_> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn token(&mut self, kind: TokenKind, at: Range<usize>) -> Lexed {
        let bytes = TOKEN_BYTES + at.len();
        self.meter.bytes(bytes).map_err(ParseErrorKind::Limit)?;
        self.tokens.push(Token { kind, at });
        Ok(())
    }

    fn text(&mut self) -> Lexed {
        let mut trimmed_before = false;
        loop {
            let found = self.rest().find(&self.delimiters.left);
            let end = found.map_or(self.text.len(), |offset| self.position + offset);
            let after = end + if found.is_some() { self.delimiters.left.len() } else { 0 };
            let trims_after = found.is_some() && has_left_trim(&self.text[after..]);
            let mut start = self.position;
            let mut stop = end;
            if trimmed_before {
                start = end - self.text[start..end].trim_start_matches(is_space).len();
            }
            if trims_after {
                stop = start + self.text[start..end].trim_end_matches(is_space).len();
            }
            if start < stop {
                self.token(TokenKind::Text, start..stop)?;
            }
            self.position = after;
            if found.is_none() {
                return Ok(());
            }
            let marker = if trims_after { TRIM_MARKER } else { 0 };
            trimmed_before = if self.text[after + marker..].starts_with("/*") {
                self.position += marker;
                self.comment()?
            } else {
                self.token(TokenKind::LeftDelimiter, end..after)?;
                self.position += marker;
                self.action()?
            };
        }
    }

    /// Skips a comment. Returns whether the comment trims the text after it.
    fn comment(&mut self) -> Result<bool, ParseErrorKind> {
        let end = self.rest()[2..].find("*/").ok_or(ParseErrorKind::UnclosedComment)?;
        self.position += 2 + end + 2;
        let (len, trims) = self.right_delimiter().ok_or(ParseErrorKind::UnclosedComment)?;
        self.position += len;
        Ok(trims)
    }

    /// The length of the delimiter here including its trim marker, and whether it has one.
    fn right_delimiter(&self) -> Option<(usize, bool)> {
        let (rest, right) = (self.rest(), self.delimiters.right.as_str());
        if has_right_trim(rest) && rest[TRIM_MARKER..].starts_with(right) {
            return Some((TRIM_MARKER + right.len(), true));
        }
        rest.starts_with(right).then_some((right.len(), false))
    }

    /// Reads up to and including the closing delimiter. Returns whether it trims the text after it.
    fn action(&mut self) -> Result<bool, ParseErrorKind> {
        self.parentheses = 0;
        loop {
            let start = self.position;
            if let Some((len, trims)) = self.right_delimiter() {
                if self.parentheses > 0 {
                    return Err(ParseErrorKind::UnbalancedParentheses);
                }
                self.position += len;
                self.token(TokenKind::RightDelimiter, start..self.position)?;
                return Ok(trims);
            }
            let c = self.peek().ok_or(ParseErrorKind::UnclosedAction)?;
            let kind = self.inside(c)?;
            self.token(kind, start..self.position)?;
        }
    }

    /// One token that begins with `c`.
    fn inside(&mut self, c: char) -> Result<TokenKind, ParseErrorKind> {
        let next = self.rest().chars().nth(1);
        match c {
            '.' if next.is_some_and(|next| next.is_ascii_digit()) => return self.number(),
            '+' | '-' | '0'..='9' => return self.number(),
            _ if is_space(c) => {
                self.spaces();
                return Ok(TokenKind::Space);
            }
            _ if is_alphanumeric(c) => return self.word(),
            _ => self.position += c.len_utf8(),
        }
        Ok(match c {
            '.' => self.name(TokenKind::Dot, TokenKind::Field)?,
            '$' => self.name(TokenKind::Variable, TokenKind::Variable)?,
            '"' => self.quoted('"', TokenKind::QuotedString)?,
            '\'' => self.quoted('\'', TokenKind::Character)?,
            '`' => {
                let end = self.rest().find('`').ok_or(ParseErrorKind::UnterminatedString)?;
                self.position += end + 1;
                TokenKind::RawString
            }
            '|' => TokenKind::Pipe,
            '=' => TokenKind::Assign,
            ':' if next == Some('=') => {
                self.position += 1;
                TokenKind::Declare
            }
            '(' => {
                self.parentheses += 1;
                TokenKind::LeftParenthesis
            }
            ')' => {
                self.parentheses =
                    self.parentheses.checked_sub(1).ok_or(ParseErrorKind::UnbalancedParentheses)?;
                TokenKind::RightParenthesis
            }
            ',' => TokenKind::Comma,
            '!'..='~' if c != ':' => TokenKind::Other,
            _ => return Err(ParseErrorKind::UnexpectedCharacter),
        })
    }

    /// A run of space, without the last one if that belongs to a trim marker.
    fn spaces(&mut self) {
        let run = self.rest().len() - self.rest().trim_start_matches(is_space).len();
        self.position += run;
        if run > 1 {
            self.position -= 1;
            if !self.right_delimiter().is_some_and(|(_, trims)| trims) {
                self.position += 1;
            }
        }
    }

    fn alphanumerics(&mut self) -> bool {
        let rest = self.rest();
        let len = rest.len() - rest.trim_start_matches(is_alphanumeric).len();
        self.position += len;
        len > 0
    }

    /// The characters that may follow a word, a field or a variable.
    fn is_at_terminator(&self) -> bool {
        self.peek().is_none_or(|c| is_space(c) || matches!(c, '.' | ',' | '|' | ':' | ')' | '('))
            || self.rest().starts_with(&self.delimiters.right)
    }

    /// A dot or a dollar has been read: `bare` if nothing follows, else `named`.
    fn name(&mut self, bare: TokenKind, named: TokenKind) -> Result<TokenKind, ParseErrorKind> {
        if self.is_at_terminator() {
            return Ok(bare);
        }
        self.alphanumerics();
        if self.is_at_terminator() { Ok(named) } else { Err(ParseErrorKind::UnexpectedCharacter) }
    }

    fn word(&mut self) -> Result<TokenKind, ParseErrorKind> {
        let start = self.position;
        self.alphanumerics();
        if !self.is_at_terminator() {
            return Err(ParseErrorKind::UnexpectedCharacter);
        }
        Ok(match &self.text[start..self.position] {
            "block" => TokenKind::Keyword(Keyword::Block),
            "break" => TokenKind::Keyword(Keyword::Break),
            "continue" => TokenKind::Keyword(Keyword::Continue),
            "define" => TokenKind::Keyword(Keyword::Define),
            "else" => TokenKind::Keyword(Keyword::Else),
            "end" => TokenKind::Keyword(Keyword::End),
            "if" => TokenKind::Keyword(Keyword::If),
            "range" => TokenKind::Keyword(Keyword::Range),
            "template" => TokenKind::Keyword(Keyword::Template),
            "with" => TokenKind::Keyword(Keyword::With),
            "nil" => TokenKind::Nil,
            "true" => TokenKind::Bool(true),
            "false" => TokenKind::Bool(false),
            _ => TokenKind::Identifier,
        })
    }

    /// The opening quote has been read.
    fn quoted(&mut self, quote: char, kind: TokenKind) -> Result<TokenKind, ParseErrorKind> {
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            let escaped = if c == '\\' { chars.next().map(|(_, c)| c) } else { None };
            match c {
                '\n' => break,
                '\\' if escaped.is_none_or(|c| c == '\n') => break,
                _ if c == quote => {
                    self.position += offset + 1;
                    return Ok(kind);
                }
                _ => {}
            }
        }
        Err(ParseErrorKind::UnterminatedString)
    }

    fn number(&mut self) -> Result<TokenKind, ParseErrorKind> {
        self.simple_number()?;
        if !matches!(self.peek(), Some('+' | '-')) {
            return Ok(TokenKind::Number);
        }
        self.simple_number()?;
        if self.text[..self.position].ends_with('i') {
            Ok(TokenKind::Complex)
        } else {
            Err(ParseErrorKind::MalformedNumber)
        }
    }

    /// The shape of a number; [`number`](super::number) reads it.
    fn simple_number(&mut self) -> Lexed {
        self.accept(&['+', '-']);
        let decimal: fn(char) -> bool = |c| c.is_ascii_digit() || c == '_';
        let mut exponent: &[char] = &['e', 'E'];
        let mut digits = decimal;
        if self.accept(&['0']) {
            if self.accept(&['x', 'X']) {
                (exponent, digits) = (&['p', 'P'], |c: char| c.is_ascii_hexdigit() || c == '_');
            } else if self.accept(&['o', 'O']) {
                (exponent, digits) = (&[], |c: char| matches!(c, '0'..='7' | '_'));
            } else if self.accept(&['b', 'B']) {
                (exponent, digits) = (&[], |c: char| matches!(c, '0' | '1' | '_'));
            }
        }
        self.accept_all(digits);
        if self.accept(&['.']) {
            self.accept_all(digits);
        }
        if self.accept(exponent) {
            self.accept(&['+', '-']);
            self.accept_all(decimal);
        }
        self.accept(&['i']);
        if self.peek().is_some_and(is_alphanumeric) {
            return Err(ParseErrorKind::MalformedNumber);
        }
        Ok(())
    }

    fn accept(&mut self, set: &[char]) -> bool {
        let accepted = self.peek().is_some_and(|c| set.contains(&c));
        self.position += usize::from(accepted);
        accepted
    }

    fn accept_all(&mut self, set: fn(char) -> bool) {
        self.position += self.rest().len() - self.rest().trim_start_matches(|c: char| set(c)).len();
    }
}

/// The length of `- ` and of ` -`.
const TRIM_MARKER: usize = 2;

fn has_left_trim(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

fn has_right_trim(text: &str) -> bool {
    text.strip_prefix(is_space).is_some_and(|rest| rest.starts_with('-'))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}
