//! Values of types that templates only get from functions: structures, pointers to them, and integers
//! with methods.

use std::{any::Any, fmt};

use super::dynamic::Value;

/// A value of a type that a function defines, such as Go's `time.Time`.
pub trait Object: Any + fmt::Debug {
    /// The name of the type, as `%T` prints it.
    fn type_name(&self) -> &'static str;

    /// The kind of the type.
    fn kind(&self) -> Kind;

    /// The exported field `name`, or the result of the method `name` called with `arguments`.
    fn member(&self, name: &str, arguments: &[Value]) -> Member;

    /// Whether `other` has the same type and the same content.
    fn equals(&self, other: &dyn Object) -> bool;

    /// The result of the method `String`, if the type has one.
    fn string(&self) -> Option<String> {
        None
    }

    /// The result of the method `GoString`, if the type has one.
    fn go_string(&self) -> Option<String> {
        None
    }

    /// The fields of a structure, in order. They are printed if no method applies.
    fn fields(&self) -> Vec<(&'static str, Field)> {
        Vec::new()
    }

    /// Another integer of this type.
    fn with_integer(&self, number: i64) -> Value {
        Value::Int64(number)
    }
}

/// The kind of the type of an [`Object`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A structure.
    Structure,
    /// A pointer to a structure.
    Pointer,
    /// An integer, and its value.
    Integer(i64),
}

/// A printed field of a structure.
#[derive(Clone, Debug)]
pub enum Field {
    /// A value.
    Value(Value),
    /// A pointer, which prints as nil. For unsuitable verbs, it prints as this text of its type and
    /// value.
    Pointer(&'static str),
}

/// The result of looking up a member of an [`Object`].
#[derive(Clone, Debug)]
pub enum Member {
    /// The field, or the result of the method.
    Value(Value),
    /// The type has no such member.
    Unknown,
    /// The method of this name takes other arguments.
    WrongArguments(&'static str),
    /// The method failed: its name, and the reason.
    Failed(&'static str, &'static str),
}
