//! Functions that templates may call, and the types of their parameters.

mod arguments;

use std::fmt;

pub use self::arguments::Arguments;
use crate::{
    context::Context,
    error::Failure,
    value::{Element, List, Map, MapKind, Value},
};

/// A function: its name, its parameters and its implementation.
pub struct Function {
    /// The name that templates call it by.
    pub name: &'static str,
    /// Whether the same arguments always give the same value.
    pub deterministic: bool,
    pub(crate) parameters: &'static [Parameter],
    /// The type of the variadic arguments after those, if any.
    pub(crate) rest: Option<Parameter>,
    pub(crate) body: Body,
}

/// The body of a function.
#[derive(Clone, Copy)]
pub(crate) enum Body {
    /// `and`: its arguments are evaluated until one is false.
    And,
    /// `or`: its arguments are evaluated until one is true.
    Or,
    Run(Run),
}

/// A function in Rust.
pub type Run = fn(&mut Context<'_>, Arguments<'_>) -> Result<Value, Failure>;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parameter {
    /// `interface {}`
    Any,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `float64`
    Float,
    /// `string`
    Text,
    /// `map[string]interface {}`
    Map,
    /// `uint32`. No value has this type, but constants are converted to it.
    Uint32,
    /// `[]interface {}`
    List,
    /// A type that functions define.
    Object(ObjectType),
}

/// The names of a type that functions define.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ObjectType {
    /// The name in Go.
    pub name: &'static str,
    /// The name in documentation.
    pub short_name: &'static str,
}

impl Function {
    /// A function whose value depends only on its arguments.
    pub const fn new(name: &'static str, parameters: &'static [Parameter], run: Run) -> Self {
        Self { name, parameters, rest: None, body: Body::Run(run), deterministic: true }
    }

    /// The function, whose value differs each time.
    #[must_use]
    pub const fn random(mut self) -> Self {
        self.deterministic = false;
        self
    }

    /// The function, with any number of further arguments of this type.
    #[must_use]
    pub const fn rest(mut self, parameter: Parameter) -> Self {
        self.rest = Some(parameter);
        self
    }

    /// Calls it with arguments of the declared types. `and` and `or` do not evaluate all arguments,
    /// so they cannot be called.
    pub fn call(&self, context: &mut Context<'_>, arguments: &[Value]) -> Result<Value, Failure> {
        let Body::Run(run) = self.body else { return Err("the function is a condition".into()) };
        context.non_deterministic |= !self.deterministic;
        // Any function may read all of its texts.
        let texts = arguments.iter().map(|value| match value {
            Value::Text(text) => text.len(),
            _ => 0,
        });
        context.meter.read(texts.sum())?;
        run(context, Arguments::new(arguments))
    }

    /// Whether the function accepts this number of arguments.
    pub fn takes(&self, count: usize) -> bool {
        let fixed = self.parameters.len();
        if self.rest.is_some() { count >= fixed } else { count == fixed }
    }

    /// The type of the argument at `index`.
    pub fn parameter(&self, index: usize) -> Parameter {
        self.parameters.get(index).copied().or(self.rest).unwrap_or(Parameter::Any)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Parameter {
    /// The name of the type in Go.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Text => "string",
            Self::Map => "map[string]interface {}",
            Self::Uint32 => "uint32",
            Self::List => "[]interface {}",
            Self::Object(object) => object.name,
        }
    }

    /// The value that nil becomes for this type.
    pub(crate) fn nil(self) -> Option<Value> {
        match self {
            Self::Any => Some(Value::Nil),
            Self::Map => Some(Value::Map(Map::nil())),
            Self::List => Some(Value::List(List::nil(Element::Any))),
            _ => None,
        }
    }

    /// Whether an argument may be `value`.
    pub fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::Text, Value::Text(_)) => true,
            (Self::List, Value::List(list)) => list.element() == Element::Any,
            (Self::Map, Value::Map(map)) => map.kind() == MapKind::Any,
            (Self::Object(expected), Value::Object(object)) => expected.name == object.type_name(),
            _ => false,
        }
    }
}
