//! The parser's state: the tokens, and the visible variables.

use std::collections::HashMap;

use crate::{
    dialect::Dialect,
    error::ParseErrorKind,
    syntax::{
        lexer::{Token, TokenKind},
        tree::{Name, Trees},
    },
};

/// How deep parentheses and control structures may be nested.
const MAX_NESTING_DEPTH: usize = 100;

pub(super) type Parsed<T> = Result<T, ParseErrorKind>;

/// The variables that are visible, innermost last.
pub(super) struct Visible {
    names: Vec<Name>,
    /// How often each name occurs among them.
    counts: HashMap<Name, usize>,
}

impl Default for Visible {
    /// `$`
    fn default() -> Self {
        Self { names: vec![Name(0)], counts: HashMap::from([(Name(0), 1)]) }
    }
}

impl Visible {
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn contains(&self, name: Name) -> bool {
        self.counts.get(&name).is_some_and(|count| *count > 0)
    }

    pub(super) fn push(&mut self, name: Name) {
        self.names.push(name);
        *self.counts.entry(name).or_default() += 1;
    }

    pub(super) fn truncate(&mut self, len: usize) {
        for name in self.names.drain(len..) {
            *self.counts.entry(name).or_default() -= 1;
        }
    }
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    /// The token to read next.
    pub(super) next: usize,
    /// The token read last.
    pub(super) last: usize,
    pub(super) dialect: &'a Dialect,
    pub(super) names: HashMap<&'a str, Name>,
    pub(super) visible: Visible,
    /// The number of enclosing `range` bodies.
    pub(super) ranges: usize,
    pub(super) nesting: usize,
    pub(super) trees: Trees,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token], dialect: &'a Dialect) -> Self {
        Self {
            text,
            tokens,
            next: 0,
            last: 0,
            dialect,
            names: HashMap::from([("$", Name(0))]),
            visible: Visible::default(),
            ranges: 0,
            nesting: 0,
            trees: Trees::new(),
        }
    }

    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING_DEPTH { Err(ParseErrorKind::TooDeep) } else { Ok(()) }
    }

    pub(super) fn expect(&mut self, kind: &TokenKind, context: &'static str) -> Parsed<()> {
        if self.read_past_space() == kind { Ok(()) } else { Err(self.unexpected(context)) }
    }

    /// The error for the token that was read last.
    pub(super) fn unexpected(&self, context: &'static str) -> ParseErrorKind {
        let found = match &self.previous().kind {
            TokenKind::Error(kind) => return kind.clone(),
            TokenKind::End => return ParseErrorKind::UnclosedAction,
            TokenKind::Text => "text",
            TokenKind::LeftDelimiter => "an action",
            TokenKind::RightDelimiter => "the end of the action",
            TokenKind::Space => "space",
            TokenKind::Keyword(_) => "a keyword",
            TokenKind::Identifier => "a function",
            TokenKind::Field => "a field",
            TokenKind::Variable => "a variable",
            TokenKind::Dot => "a dot",
            TokenKind::Nil => "nil",
            TokenKind::Bool(_) => "a boolean",
            TokenKind::Number | TokenKind::Complex => "a number",
            TokenKind::QuotedString | TokenKind::RawString => "a string",
            TokenKind::LeftParenthesis | TokenKind::RightParenthesis => "a parenthesis",
            TokenKind::Pipe => "a pipe",
            TokenKind::Declare | TokenKind::Assign => "an assignment",
            TokenKind::Comma => "a comma",
            TokenKind::Character | TokenKind::Other => "a character",
        };
        ParseErrorKind::Unexpected { found, context }
    }

    pub(super) fn peek(&self) -> &'a TokenKind {
        &self.tokens[self.next].kind
    }

    /// At the last token, which is an end or an error, this returns the same token each time.
    pub(super) fn read(&mut self) -> &'a TokenKind {
        let kind = self.peek();
        self.last = self.next;
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        kind
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek() == &TokenKind::Space {
            self.read();
        }
    }

    pub(super) fn peek_past_space(&mut self) -> &'a TokenKind {
        self.skip_space();
        self.peek()
    }

    pub(super) fn read_past_space(&mut self) -> &'a TokenKind {
        self.skip_space();
        self.read()
    }

    /// The token read last.
    pub(super) fn previous(&self) -> &'a Token {
        &self.tokens[self.last]
    }

    pub(super) fn slice(&self) -> &'a str {
        &self.text[self.previous().at.clone()]
    }

    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.previous().at.start).unwrap_or(u32::MAX)
    }
}
