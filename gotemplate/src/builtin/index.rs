//! `index`, `slice`, `call`.

use crate::{
    context::Context,
    error::Failure,
    function::Arguments,
    value::{Kind, Map, MapKind, Value},
};

/// No value is a function, so this always fails.
pub(super) fn call(_: &mut Context<'_>, _: Arguments<'_>) -> Result<Value, Failure> {
    Err("the argument is not a function".into())
}

pub(super) fn index(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut value = arguments.any(0)?.clone();
    if value.is_nil() {
        return Err("nil cannot be indexed".into());
    }
    for index in arguments.rest(1) {
        value = match &value {
            Value::Map(map) => entry(map, index)?,
            Value::List(list) => list.get(position(index, list.len(), false)?).unwrap_or_default(),
            Value::Text(text) => Value::Uint8(text[position(index, text.len(), false)?]),
            _ => return Err("an item cannot be indexed".into()),
        };
    }
    Ok(value)
}

pub(super) fn slice(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let value = arguments.any(0)?;
    let capacity = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.capacity(),
        _ => return Err("the argument cannot be sliced".into()),
    };
    if arguments.rest(1).len() > 3 {
        return Err("there are too many indexes".into());
    }
    let mut bounds = [None; 3];
    for (bound, index) in bounds.iter_mut().zip(arguments.rest(1)) {
        *bound = Some(position(index, capacity, true)?);
    }
    let [start, end, max] = bounds;
    let start = start.unwrap_or(0);
    match value {
        Value::Text(_) if max.is_some() => Err("a string has no capacity".into()),
        Value::Text(text) => {
            let slice = text.get(start..end.unwrap_or(text.len())).ok_or(DESCENDING)?;
            Ok(Value::text(slice))
        }
        Value::List(list) => {
            let slice = list.slice(start, end.unwrap_or(list.len()), max.unwrap_or(capacity));
            Ok(Value::List(slice.ok_or(DESCENDING)?))
        }
        _ => Err(DESCENDING),
    }
}

const DESCENDING: Failure = Failure::Because("the indexes are not in order");

/// A missing key gives the zero value of the map's type.
fn entry(map: &Map, key: &Value) -> Result<Value, Failure> {
    let Value::Text(key) = key else { return Err("the key is not a string".into()) };
    Ok(map.get(key).unwrap_or_else(|| match map.kind() {
        MapKind::Any => Value::Nil,
        MapKind::Strings => Value::text(""),
    }))
}

/// An index below `len`, or equal to it if that is allowed.
fn position(index: &Value, len: usize, may_be_end: bool) -> Result<usize, Failure> {
    let index = match index {
        Value::Int(index) | Value::Int64(index) => usize::try_from(*index).ok(),
        Value::Uint8(index) => Some(usize::from(*index)),
        Value::Uint64(index) => usize::try_from(*index).ok(),
        Value::Object(object) => match object.kind() {
            Kind::Integer(index) => usize::try_from(index).ok(),
            Kind::Structure | Kind::Pointer => return Err("an index is not an integer".into()),
        },
        _ => return Err("an index is not an integer".into()),
    };
    let limit = if may_be_end { len } else { len.wrapping_sub(1) };
    index
        .filter(|index| len + usize::from(may_be_end) > 0 && *index <= limit)
        .ok_or(Failure::Because("an index is out of range"))
}
