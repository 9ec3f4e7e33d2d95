//! Pipelines: declarations, commands, operands.
//!
//! A pipeline contains operands, and an operand in parentheses is a pipeline.

use super::state::{Parsed, Parser};
use crate::{
    error::ParseErrorKind,
    syntax::{
        lexer::TokenKind,
        number::Number,
        quote::{unquote, unquote_char},
        tree::{Command, Name, Operand, Pipeline, Term},
    },
};

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &'static str, end: &TokenKind) -> Parsed<Pipeline> {
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
                if !self.visible.contains(name) {
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
    pub(super) fn raw_string(&self) -> Vec<u8> {
        let slice = self.slice();
        slice[1..slice.len() - 1].bytes().filter(|byte| *byte != b'\r').collect()
    }

    fn intern(&mut self) -> Name {
        let fresh = Name(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        *self.names.entry(self.slice()).or_insert(fresh)
    }
}
