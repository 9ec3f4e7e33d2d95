//! The dynamic value.

use std::{any::Any, rc::Rc};

use super::{
    list::{Element, List},
    map::{Map, MapKind},
    object::{Kind, Object},
};
use crate::text::Text;

/// A value. Lists and maps are references, as in Go: clones share their content.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value: a missing key, or the data of a template that is called without data.
    #[default]
    Missing,
    /// A nil in a list or a map, or written in a template.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`: a byte of a string
    Uint8(u8),
    /// `float64`, the type of numbers in JSON
    Float(f64),
    /// `complex128`
    Complex(f64, f64),
    /// `string`
    Text(Text),
    /// `[]interface {}` and other slices
    List(List),
    /// `map[string]interface {}` and `map[string]string`
    Map(Map),
    /// `uint64`
    Uint64(u64),
    /// A value of a type that a function defines
    Object(Rc<dyn Object>),
}

impl Value {
    /// A `map[string]string`, the type of the controllers' contexts.
    pub fn strings(entries: impl IntoIterator<Item = (Text, Text)>) -> Self {
        let entries = entries.into_iter().map(|(key, text)| (key, Self::Text(text)));
        Self::Map(Map::new(MapKind::Strings, entries.collect()))
    }

    /// A `map[string]interface {}`.
    pub fn map(entries: impl IntoIterator<Item = (Text, Value)>) -> Self {
        Self::Map(Map::new(MapKind::Any, entries.into_iter().collect()))
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(List::new(Element::Any, items))
    }

    /// A `[]interface {}` like that of Go's JSON decoder, with spare capacity at its end.
    pub fn json_list(items: Vec<Value>) -> Self {
        Self::List(List::grown(items))
    }

    /// A string.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    /// A value of a type that a function defines.
    pub fn from_object(object: impl Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// The object of type `T` that this value is.
    pub fn as_object<T: Object>(&self) -> Option<&T> {
        let Self::Object(object) = self else { return None };
        let object: &dyn Any = &**object;
        object.downcast_ref()
    }

    /// Whether it is nil or no value.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// The name of the value's type, as `%T` prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing | Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Uint8(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::Text(_) => "string",
            Self::List(list) => list.type_name(),
            Self::Map(map) => map.kind().type_name(),
            Self::Uint64(_) => "uint64",
            Self::Object(object) => object.type_name(),
        }
    }

    /// Whether it is true for `if`: neither nil nor zero nor empty.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Missing | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Uint8(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Uint64(value) => *value != 0,
            Self::Object(object) => object.kind() != Kind::Integer(0),
        }
    }

    /// A number of the type of this one.
    pub(crate) fn with_number(&self, number: usize) -> Self {
        let signed = i64::try_from(number).unwrap_or(i64::MAX);
        match self {
            Self::Int64(_) => Self::Int64(signed),
            Self::Uint8(_) => Self::Uint8(number as u8),
            Self::Uint64(_) => Self::Uint64(number as u64),
            Self::Object(object) => object.with_integer(signed),
            _ => Self::Int(signed),
        }
    }

    /// A deep copy of lists and maps. Strings, which never change, are shared.
    pub(crate) fn detach(&self) -> Self {
        match self {
            Self::List(list) => Self::List(list.map_backing(Self::detach)),
            Self::Map(map) if map.kind() == MapKind::Any => {
                let entries = map.entries();
                let copies = entries.iter().map(|(key, value)| (key.clone(), value.detach()));
                Self::Map(Map::new(MapKind::Any, copies.collect()))
            }
            other => other.clone(),
        }
    }
}
