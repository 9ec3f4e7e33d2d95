//! What templates compute with: Go's dynamic values, as far as templates can make them.

mod certificate;
mod list;
mod map;

use std::rc::Rc;

pub(crate) use self::{
    certificate::Certificate,
    list::{Element, List},
    map::{Map, MapKind},
};
use crate::{
    semver::Version,
    text::Text,
    time::{Named, Time},
};

/// A value. Lists and maps are references, as in Go: clones share their content.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value at all: a missing key, or what a template is given when it is given nothing.
    #[default]
    Missing,
    /// A nil that stands in a list or a map, or is written in a template.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `int64`
    Int64(i64),
    /// `uint8`: a byte of a string
    Uint8(u8),
    /// `float64`: what numbers of JSON are
    Float(f64),
    /// `complex128`
    Complex(f64, f64),
    /// `string`
    Text(Text),
    /// `[]interface {}` and other slices
    List(List),
    /// `map[string]interface {}` and `map[string]string`
    Map(Map),
    /// `uint64`: a part of a version
    Uint64(u64),
    /// `time.Time`
    Time(Rc<Time>),
    /// `time.Duration`, `time.Month` or `time.Weekday`
    Named(Named),
    /// `*semver.Version` and `semver.Version`
    Version(Rc<Version>),
    /// `sprig.certificate`
    Certificate(Rc<Certificate>),
}

impl Value {
    /// A `map[string]string`: the context that the controllers give.
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

    /// A `[]interface {}` as Go's JSON decoder leaves it, with room to grow at its end.
    pub fn json_list(items: Vec<Value>) -> Self {
        Self::List(List::grown(items))
    }

    /// A string.
    pub fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Missing | Self::Nil)
    }

    /// What Go's `%T` prints.
    pub(crate) fn type_name(&self) -> &'static str {
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
            Self::Time(_) => "time.Time",
            Self::Named(named) => named.type_name(),
            Self::Version(version) => version.type_name(),
            Self::Certificate(_) => "sprig.certificate",
        }
    }

    /// What `if` thinks of it: neither nil nor zero nor empty.
    pub(crate) fn is_true(&self) -> bool {
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
            Self::Version(_) | Self::Time(_) | Self::Certificate(_) => true,
            Self::Named(named) => named.number() != 0,
        }
    }

    /// A number of the type of this one.
    pub(crate) fn with_number(&self, number: usize) -> Self {
        let signed = i64::try_from(number).unwrap_or(i64::MAX);
        match self {
            Self::Int64(_) => Self::Int64(signed),
            Self::Uint8(_) => Self::Uint8(number as u8),
            Self::Uint64(_) => Self::Uint64(number as u64),
            Self::Named(named) => Self::Named(named.with_number(signed)),
            _ => Self::Int(signed),
        }
    }

    /// A copy whose lists and maps are its own. Strings, which never change, are shared.
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
