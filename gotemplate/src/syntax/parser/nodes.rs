//! Nodes: text, actions, control structures, definitions.

use std::mem;

use super::state::{Parsed, Parser};
use crate::{
    error::ParseErrorKind,
    syntax::{
        lexer::{Keyword, TokenKind},
        quote::unquote,
        tree::{Branch, Node},
    },
};

/// The end of a list of nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Terminator {
    Else,
    End,
}

impl Parser<'_> {
    pub(super) fn file(&mut self, name: &str) -> Parsed<()> {
        let mut body = Vec::new();
        loop {
            if self.peek() == &TokenKind::End {
                return self.define(name, body);
            }
            if self.peek() == &TokenKind::LeftDelimiter {
                let start = self.next;
                self.read();
                if self.read_past_space() == &TokenKind::Keyword(Keyword::Define) {
                    self.definition()?;
                    continue;
                }
                self.next = start;
            }
            match self.node("the template")? {
                Ok(node) => body.push(node),
                Err(_) => return Err(self.unexpected("the template")),
            }
        }
    }

    /// Stores a template's body. An empty body never replaces another one.
    fn define(&mut self, name: &str, body: Vec<Node>) -> Parsed<()> {
        match self.trees.get_mut(name) {
            Some(_) if is_empty(&body) => {}
            Some(known) if is_empty(known) => *known = body,
            Some(_) => return Err(ParseErrorKind::DefinedTwice(name.into())),
            None => {
                self.trees.insert(name.into(), body);
            }
        }
        Ok(())
    }

    /// The keyword `define` has been read.
    fn definition(&mut self) -> Parsed<()> {
        let name = self.name("define")?;
        self.expect(&TokenKind::RightDelimiter, "define")?;
        self.apart("define", &name)
    }

    /// The body of a `define` or `block`: it sees no variables from outside.
    fn apart(&mut self, context: &'static str, name: &str) -> Parsed<()> {
        let visible = mem::take(&mut self.visible);
        let ranges = mem::take(&mut self.ranges);
        let (body, terminator) = self.list(context)?;
        if terminator == Terminator::Else {
            return Err(self.unexpected(context));
        }
        (self.visible, self.ranges) = (visible, ranges);
        self.define(name, body)
    }

    /// Nodes up to an `{{end}}` or `{{else}}`, which is read.
    fn list(&mut self, context: &'static str) -> Parsed<(Vec<Node>, Terminator)> {
        let mut nodes = Vec::new();
        loop {
            if self.peek() == &TokenKind::End {
                return Err(ParseErrorKind::MissingEnd(context));
            }
            match self.node(context)? {
                Ok(node) => nodes.push(node),
                Err(terminator) => return Ok((nodes, terminator)),
            }
        }
    }

    fn node(&mut self, context: &'static str) -> Parsed<Result<Node, Terminator>> {
        match self.read_past_space() {
            TokenKind::Text => Ok(Ok(Node::Text(self.slice().into()))),
            TokenKind::LeftDelimiter => self.action(),
            _ => Err(self.unexpected(context)),
        }
    }

    fn action(&mut self) -> Parsed<Result<Node, Terminator>> {
        let TokenKind::Keyword(keyword) = *self.peek_past_space() else {
            return Ok(Ok(Node::Action(self.pipeline("command", &TokenKind::RightDelimiter)?)));
        };
        self.read_past_space();
        Ok(Ok(match keyword {
            Keyword::If => self.control("if")?,
            Keyword::With => self.control("with")?,
            Keyword::Range => self.control("range")?,
            Keyword::Template => self.template()?,
            Keyword::Block => self.block()?,
            Keyword::Break => self.jump("break", Node::Break)?,
            Keyword::Continue => self.jump("continue", Node::Continue)?,
            Keyword::End => {
                self.expect(&TokenKind::RightDelimiter, "end")?;
                return Ok(Err(Terminator::End));
            }
            Keyword::Else => {
                // The caller of `list` handles `{{else if}}`.
                let chained = [Keyword::If, Keyword::With].map(TokenKind::Keyword);
                if !chained.contains(self.peek_past_space()) {
                    self.expect(&TokenKind::RightDelimiter, "else")?;
                }
                return Ok(Err(Terminator::Else));
            }
            Keyword::Define => return Err(self.unexpected("command")),
        }))
    }

    fn jump(&mut self, name: &'static str, node: Node) -> Parsed<Node> {
        self.expect(&TokenKind::RightDelimiter, name)?;
        if self.ranges == 0 { Err(ParseErrorKind::OutsideRange(name)) } else { Ok(node) }
    }

    fn control(&mut self, context: &'static str) -> Parsed<Node> {
        self.enter()?;
        let visible = self.visible.len();
        let pipeline = self.pipeline(context, &TokenKind::RightDelimiter)?;
        let is_range = usize::from(context == "range");
        self.ranges += is_range;
        let (body, terminator) = self.list(context)?;
        self.ranges -= is_range;
        let otherwise = match (terminator, context, self.peek_past_space()) {
            (Terminator::End, ..) => Vec::new(),
            (_, "if", TokenKind::Keyword(Keyword::If))
            | (_, "with", TokenKind::Keyword(Keyword::With)) => {
                self.read_past_space();
                vec![self.control(context)?]
            }
            _ => match self.list(context)? {
                (nodes, Terminator::End) => nodes,
                (_, Terminator::Else) => return Err(self.unexpected(context)),
            },
        };
        self.visible.truncate(visible);
        self.nesting -= 1;
        let branch = Branch { pipeline, body, otherwise };
        Ok(match context {
            "if" => Node::If(branch),
            "with" => Node::With(branch),
            _ => Node::Range(branch),
        })
    }

    fn template(&mut self) -> Parsed<Node> {
        let at = self.offset();
        let name = self.name("template")?;
        let argument = if self.peek_past_space() == &TokenKind::RightDelimiter {
            self.read_past_space();
            None
        } else {
            Some(self.pipeline("template", &TokenKind::RightDelimiter)?)
        };
        Ok(Node::Template { name, argument, at })
    }

    fn block(&mut self) -> Parsed<Node> {
        self.enter()?;
        let at = self.offset();
        let name = self.name("block")?;
        let argument = Some(self.pipeline("block", &TokenKind::RightDelimiter)?);
        self.apart("block", &name)?;
        self.nesting -= 1;
        Ok(Node::Template { name, argument, at })
    }

    /// The string that names a template.
    fn name(&mut self, context: &'static str) -> Parsed<Box<str>> {
        let name = match self.read_past_space() {
            TokenKind::QuotedString => unquote(self.slice()),
            TokenKind::RawString => Some(self.raw_string()),
            _ => return Err(self.unexpected(context)),
        };
        let name = name.and_then(|name| String::from_utf8(name).ok());
        name.map(Into::into).ok_or(ParseErrorKind::MalformedString)
    }
}

/// Whether the body is only white space.
fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
