//! The arguments of one call.

use crate::{
    error::Failure,
    text::Text,
    value::{List, Map, Object, Value},
};

/// The arguments of a call. Their number and types match the declaration of the function.
#[derive(Clone, Copy)]
pub struct Arguments<'a>(&'a [Value]);

impl<'a> Arguments<'a> {
    pub(crate) fn new(values: &'a [Value]) -> Self {
        Self(values)
    }

    /// All of them.
    pub fn all(self) -> &'a [Value] {
        self.0
    }

    /// Those from `index` on.
    pub fn rest(self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    /// An argument of any type.
    pub fn any(self, index: usize) -> Result<&'a Value, Failure> {
        self.0.get(index).ok_or(UNDECLARED)
    }

    /// An `int`.
    pub fn int(self, index: usize) -> Result<i64, Failure> {
        if let Value::Int(number) = self.any(index)? { Ok(*number) } else { Err(UNDECLARED) }
    }

    /// A `uint32`.
    pub fn unsigned(self, index: usize) -> Result<u64, Failure> {
        if let Value::Uint64(number) = self.any(index)? { Ok(*number) } else { Err(UNDECLARED) }
    }

    /// A `[]interface {}`.
    pub fn list(self, index: usize) -> Result<&'a List, Failure> {
        if let Value::List(list) = self.any(index)? { Ok(list) } else { Err(UNDECLARED) }
    }

    /// A `map[string]interface {}`.
    pub fn map(self, index: usize) -> Result<&'a Map, Failure> {
        if let Value::Map(map) = self.any(index)? { Ok(map) } else { Err(UNDECLARED) }
    }

    /// A `string`.
    pub fn text(self, index: usize) -> Result<&'a Text, Failure> {
        if let Value::Text(text) = self.any(index)? { Ok(text) } else { Err(UNDECLARED) }
    }

    /// An object of type `T`.
    pub fn object<T: Object>(self, index: usize) -> Result<&'a T, Failure> {
        self.any(index)?.as_object().ok_or(UNDECLARED)
    }
}

/// The function reads an undeclared argument. The evaluator checks declarations, so templates
/// cannot cause this.
const UNDECLARED: Failure = Failure::Because("an argument is not as declared");
