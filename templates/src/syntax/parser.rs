//! From tokens to a tree.

use std::{collections::HashMap, mem};

use super::{
    lexer::{Keyword, Token, TokenKind, tokens},
    number::Number,
    quote::{unquote, unquote_char},
    tree::{Branch, Command, Name, Node, Operand, Pipeline, Term, Trees},
};
use crate::{dialect::Dialect, error::ParseErrorKind};

/// How deep parentheses and control structures may stand in each other.
const MAX_NESTING: usize = 100;

/// The templates that `text` defines; its own body is the one called `name`.
///
/// An error comes with the offset of the token where it was noticed.
pub(crate) fn parse(
    name: &str,
    text: &str,
    dialect: &Dialect,
) -> Result<Trees, (usize, ParseErrorKind)> {
    let tokens = tokens(text, dialect.delimiters());
    let mut parser = Parser {
        text,
        tokens: &tokens,
        next: 0,
        last: 0,
        dialect,
        names: HashMap::from([("$", Name(0))]),
        visible: vec![Name(0)],
        ranges: 0,
        nesting: 0,
        trees: Trees::new(),
    };
    match parser.file(name) {
        Ok(()) => Ok(parser.trees),
        Err(kind) => Err((parser.previous().at.start, kind)),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    /// The token to read next.
    next: usize,
    /// The token read last.
    last: usize,
    dialect: &'a Dialect,
    names: HashMap<&'a str, Name>,
    visible: Vec<Name>,
    /// How many `range` bodies we are in.
    ranges: usize,
    nesting: usize,
    trees: Trees,
}

type Parsed<T> = Result<T, ParseErrorKind>;

/// What ends a list of nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Terminator {
    Else,
    End,
}

impl<'a> Parser<'a> {
    fn file(&mut self, name: &str) -> Parsed<()> {
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

    /// Keeps a template's body. An empty one never replaces another.
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
        let visible = mem::replace(&mut self.visible, vec![Name(0)]);
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
                // `{{else if}}` is for the one who reads the list to understand.
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

    fn pipeline(&mut self, context: &'static str, end: &TokenKind) -> Parsed<Pipeline> {
        self.enter()?;
        self.skip_space();
        let at = self.tokens[self.next].at.start;
        let at = u32::try_from(at).map_err(|_| ParseErrorKind::TooLarge)?;
        let mut pipeline =
            Pipeline { variables: Vec::new(), assigns: false, commands: Vec::new(), at };
        self.declarations(context, &mut pipeline)?;
        while self.peek_past_space() != end {
            let command = self.command()?;
            if !pipeline.commands.is_empty() && command.first.term.is_constant() {
                return Err(ParseErrorKind::ConstantInPipeline);
            }
            pipeline.commands.push(command);
        }
        self.read_past_space();
        self.nesting -= 1;
        if pipeline.commands.is_empty() {
            return Err(ParseErrorKind::MissingValue(context));
        }
        Ok(pipeline)
    }

    /// `$x :=`, `$x =`, and in a `range` also `$i, $x :=`.
    fn declarations(&mut self, context: &str, pipeline: &mut Pipeline) -> Parsed<()> {
        while self.peek_past_space() == &TokenKind::Variable {
            let start = self.next;
            self.read_past_space();
            let name = self.intern();
            let is_last = match self.peek_past_space() {
                TokenKind::Declare => true,
                TokenKind::Assign => {
                    pipeline.assigns = true;
                    true
                }
                TokenKind::Comma if context == "range" && pipeline.variables.is_empty() => false,
                TokenKind::Comma => return Err(ParseErrorKind::TooManyVariables),
                _ => {
                    self.next = start;
                    break;
                }
            };
            self.read_past_space();
            pipeline.variables.push(name);
            self.visible.push(name);
            if is_last {
                break;
            }
            if !matches!(
                self.peek_past_space(),
                TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParenthesis
            ) {
                return Err(self.unexpected("range"));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            match self.peek() {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParenthesis => break,
                TokenKind::Pipe => {
                    self.read();
                    break;
                }
                _ => {
                    self.read();
                    return Err(self.unexpected("operand"));
                }
            }
        }
        let mut operands = operands.into_iter();
        let first = operands.next().ok_or_else(|| self.unexpected("command"))?;
        Ok(Command { first, arguments: operands.collect() })
    }

    /// A term and its fields.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let start = self.next;
        let Some(mut operand) = self.term()? else {
            self.next = start;
            return Ok(None);
        };
        let mut fields = Vec::new();
        while self.peek() == &TokenKind::Field {
            self.read();
            fields.push(self.slice()[1..].into());
        }
        if !fields.is_empty() {
            match &mut operand.term {
                Term::Field(names) | Term::Variable(_, names) => names.extend(fields),
                constant if constant.is_constant() => return Err(ParseErrorKind::FieldOfConstant),
                _ => {
                    let at = operand.at;
                    operand = Operand { term: Term::Chain(Box::new(operand), fields), at };
                }
            }
        }
        Ok(Some(operand))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let kind = self.read().clone();
        let at = self.offset();
        let term = match kind {
            TokenKind::Identifier => {
                let name = self.slice();
                let unknown = || ParseErrorKind::UnknownFunction(name.into());
                Term::Function(self.dialect.function(name).ok_or_else(unknown)?)
            }
            TokenKind::Dot => Term::Dot,
            TokenKind::Nil => Term::Nil,
            TokenKind::Bool(value) => Term::Bool(value),
            TokenKind::Variable => {
                let name = self.intern();
                if !self.visible.contains(&name) {
                    return Err(ParseErrorKind::UndefinedVariable(self.slice().into()));
                }
                Term::Variable(name, Vec::new())
            }
            TokenKind::Field => Term::Field(vec![self.slice()[1..].into()]),
            TokenKind::Character => {
                let c = unquote_char(self.slice()).ok_or(ParseErrorKind::MalformedString)?;
                Term::Number(Number::character(c))
            }
            TokenKind::Number => {
                let number = Number::parse(self.slice());
                Term::Number(number.ok_or(ParseErrorKind::MalformedNumber)?)
            }
            TokenKind::Complex => {
                let number = Number::parse_complex(self.slice());
                Term::Number(number.ok_or(ParseErrorKind::MalformedNumber)?)
            }
            TokenKind::QuotedString => {
                let bytes = unquote(self.slice()).ok_or(ParseErrorKind::MalformedString)?;
                Term::Text(bytes.into())
            }
            TokenKind::RawString => Term::Text(self.raw_string().into()),
            TokenKind::LeftParenthesis => {
                let end = TokenKind::RightParenthesis;
                Term::Pipeline(Box::new(self.pipeline("parentheses", &end)?))
            }
            _ => return Ok(None),
        };
        Ok(Some(Operand { term, at }))
    }

    /// The bytes between backquotes. Go's raw strings have no carriage returns.
    fn raw_string(&self) -> Vec<u8> {
        let slice = self.slice();
        slice[1..slice.len() - 1].bytes().filter(|byte| *byte != b'\r').collect()
    }

    fn intern(&mut self) -> Name {
        let fresh = Name(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        *self.names.entry(self.slice()).or_insert(fresh)
    }

    fn enter(&mut self) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING { Err(ParseErrorKind::TooDeep) } else { Ok(()) }
    }

    fn expect(&mut self, kind: &TokenKind, context: &'static str) -> Parsed<()> {
        if self.read_past_space() == kind { Ok(()) } else { Err(self.unexpected(context)) }
    }

    /// The error that the token read last is.
    fn unexpected(&self, context: &'static str) -> ParseErrorKind {
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

    fn peek(&self) -> &'a TokenKind {
        &self.tokens[self.next].kind
    }

    /// The last token, an end or an error, is read again and again.
    fn read(&mut self) -> &'a TokenKind {
        let kind = self.peek();
        self.last = self.next;
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        kind
    }

    fn skip_space(&mut self) {
        while self.peek() == &TokenKind::Space {
            self.read();
        }
    }

    fn peek_past_space(&mut self) -> &'a TokenKind {
        self.skip_space();
        self.peek()
    }

    fn read_past_space(&mut self) -> &'a TokenKind {
        self.skip_space();
        self.read()
    }

    /// The token read last.
    fn previous(&self) -> &'a Token {
        &self.tokens[self.last]
    }

    fn slice(&self) -> &'a str {
        &self.text[self.previous().at.clone()]
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.previous().at.start).unwrap_or(u32::MAX)
    }
}

/// Whether there is nothing but white space.
fn is_empty(body: &[Node]) -> bool {
    body.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
