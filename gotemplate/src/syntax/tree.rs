//! The tree of a template. It contains no references and no values, so threads may share it.

use std::collections::BTreeMap;

use super::number::Number;
use crate::function::Function;

/// The bodies of the templates of a text, by name.
pub(crate) type Trees = BTreeMap<Box<str>, Vec<Node>>;

/// The number of a variable's name. `$` is 0.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Name(pub(crate) u32);

#[derive(Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    Action(Pipeline),
    If(Branch),
    With(Branch),
    Range(Branch),
    /// `{{template}}`, and the use of a `{{block}}`.
    Template {
        name: Box<str>,
        argument: Option<Pipeline>,
        at: u32,
    },
    Break,
    Continue,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

#[derive(Debug)]
pub(crate) struct Pipeline {
    /// Up to two in a `range`, otherwise at most one.
    pub(crate) variables: Vec<Name>,
    /// `=` rather than `:=`.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Command>,
    pub(crate) at: u32,
}

/// An operand and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) first: Operand,
    pub(crate) arguments: Vec<Operand>,
}

#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) term: Term,
    pub(crate) at: u32,
}

#[derive(Debug)]
pub(crate) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text(Box<[u8]>),
    /// `.a.b`
    Field(Vec<Box<str>>),
    /// `$x.a.b`
    Variable(Name, Vec<Box<str>>),
    Function(&'static Function),
    Pipeline(Box<Pipeline>),
    /// Fields of the value of a function or a pipeline.
    Chain(Box<Operand>, Vec<Box<str>>),
}

impl Term {
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self, Self::Dot | Self::Nil | Self::Bool(_) | Self::Number(_) | Self::Text(_))
    }
}
