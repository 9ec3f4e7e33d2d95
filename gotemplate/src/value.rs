//! Go's dynamic values that templates can create.
//!
//! Values are recursive: a value may be a list, map or object, and these contain values. So the files of
//! this folder import each other.

mod dynamic;
mod list;
mod map;
mod object;

pub use self::{
    dynamic::Value,
    list::{Element, List},
    map::{Map, MapKind},
    object::{Field, Kind, Member, Object},
};
