//! The functions that templates may call, and what their parameters take.

mod arguments;
mod builtin;
mod external;
mod go;
pub(crate) mod pki;
mod sprig;

use std::fmt;

pub(crate) use self::{
    arguments::Arguments,
    external::{EXTERNAL, groups as external_groups},
    go::GO,
    sprig::{SPRIG, groups as sprig_groups},
};
use crate::{
    context::Context,
    error::Failure,
    value::{Element, List, Map, MapKind, Value},
};

/// A function: what templates know it by, what it takes, what it does.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// The type of any number of arguments behind those.
    pub(crate) rest: Option<Parameter>,
    pub(crate) body: Body,
    /// Whether the same arguments always give the same value.
    pub(crate) deterministic: bool,
}

/// Functions that documentation tells of together, and what it calls them.
pub(crate) struct Group(pub(crate) &'static str, pub(crate) &'static [Function]);

/// What a function does.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// `and`: its arguments are evaluated until one is false.
    And,
    /// `or`: its arguments are evaluated until one is true.
    Or,
    Run(Run),
}

/// A function of Rust's.
pub(crate) type Run = fn(&mut Context<'_>, Arguments<'_>) -> Result<Value, Failure>;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parameter {
    /// `interface {}`
    Any,
    Bool,
    Int,
    Float,
    Text,
    /// `time.Time`
    Time,
    /// `map[string]interface {}`
    Map,
    /// `uint32`, which no value is: constants become one.
    Uint32,
    /// `[]interface {}`
    List,
    /// `sprig.certificate`
    Certificate,
}

impl Function {
    const fn new(name: &'static str, parameters: &'static [Parameter], run: Run) -> Self {
        Self { name, parameters, rest: None, body: Body::Run(run), deterministic: true }
    }

    /// Gives something else each time.
    const fn random(mut self) -> Self {
        self.deterministic = false;
        self
    }

    /// Takes any number of arguments more.
    const fn rest(mut self, parameter: Parameter) -> Self {
        self.rest = Some(parameter);
        self
    }

    /// Whether it takes this number of arguments.
    pub(crate) fn takes(&self, count: usize) -> bool {
        let fixed = self.parameters.len();
        if self.rest.is_some() { count >= fixed } else { count == fixed }
    }

    /// The type of the argument at `index`, which it takes.
    pub(crate) fn parameter(&self, index: usize) -> Parameter {
        self.parameters.get(index).copied().or(self.rest).unwrap_or(Parameter::Any)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Parameter {
    /// The type's name in Go.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Text => "string",
            Self::Time => "time.Time",
            Self::Map => "map[string]interface {}",
            Self::Uint32 => "uint32",
            Self::List => "[]interface {}",
            Self::Certificate => "sprig.certificate",
        }
    }

    /// What nil is for this type.
    pub(crate) fn nil(self) -> Option<Value> {
        match self {
            Self::Any => Some(Value::Nil),
            Self::Map => Some(Value::Map(Map::nil())),
            Self::List => Some(Value::List(List::nil(Element::Any))),
            _ => None,
        }
    }

    pub(crate) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Text, Value::Text(_))
            | (Self::Time, Value::Time(_))
            | (Self::Certificate, Value::Certificate(_)) => true,
            (Self::List, Value::List(list)) => list.element() == Element::Any,
            (Self::Map, Value::Map(map)) => map.kind() == MapKind::Any,
            _ => false,
        }
    }
}
