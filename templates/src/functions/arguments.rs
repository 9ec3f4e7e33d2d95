//! The arguments of one call.

use crate::{
    error::Failure,
    text::Text,
    value::{Certificate, List, Map, Value},
};

/// The arguments of a call. Their number and types are those that the function declares.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a>(pub(crate) &'a [Value]);

impl<'a> Arguments<'a> {
    pub(crate) fn all(self) -> &'a [Value] {
        self.0
    }

    /// Those from `index` on.
    pub(crate) fn rest(self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    pub(crate) fn any(self, index: usize) -> Result<&'a Value, Failure> {
        self.0.get(index).ok_or(UNDECLARED)
    }

    pub(crate) fn int(self, index: usize) -> Result<i64, Failure> {
        if let Value::Int(number) = self.any(index)? { Ok(*number) } else { Err(UNDECLARED) }
    }

    pub(crate) fn unsigned(self, index: usize) -> Result<u64, Failure> {
        if let Value::Uint64(number) = self.any(index)? { Ok(*number) } else { Err(UNDECLARED) }
    }

    pub(crate) fn list(self, index: usize) -> Result<&'a List, Failure> {
        if let Value::List(list) = self.any(index)? { Ok(list) } else { Err(UNDECLARED) }
    }

    pub(crate) fn certificate(self, index: usize) -> Result<&'a Certificate, Failure> {
        match self.any(index)? {
            Value::Certificate(certificate) => Ok(certificate),
            _ => Err(UNDECLARED),
        }
    }

    pub(crate) fn map(self, index: usize) -> Result<&'a Map, Failure> {
        if let Value::Map(map) = self.any(index)? { Ok(map) } else { Err(UNDECLARED) }
    }

    pub(crate) fn text(self, index: usize) -> Result<&'a Text, Failure> {
        if let Value::Text(text) = self.any(index)? { Ok(text) } else { Err(UNDECLARED) }
    }
}

/// A function reads what it has not declared. The evaluator checks declarations, so no template
/// gets here.
const UNDECLARED: Failure = Failure::Because("an argument is not as declared");
