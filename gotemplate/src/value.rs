//! Values: Go's dynamic values, as far as templates can make them.
//!
//! A value may contain lists, maps and objects, which contain values, so the files of this folder import
//! each other.

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
