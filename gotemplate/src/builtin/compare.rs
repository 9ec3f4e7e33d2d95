//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `not`.

use std::{cmp::Ordering, rc::Rc};

use crate::{
    context::Context,
    error::Failure,
    function::Arguments,
    value::{Kind, Value},
};

const NOT_COMPARABLE: Failure = Failure::Because("the arguments cannot be compared");

pub(super) fn not(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(!arguments.any(0)?.is_true()))
}

/// Whether the first argument equals any of the others.
pub(super) fn eq(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let first = arguments.any(0)?;
    if arguments.rest(1).is_empty() {
        return Err("the second argument is missing".into());
    }
    for other in arguments.rest(1) {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(!equal(arguments.any(0)?, arguments.any(1)?)?))
}

pub(super) fn lt(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(order(arguments)? == Some(Ordering::Less)))
}

pub(super) fn le(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let order = order(arguments)?;
    Ok(Value::Bool(matches!(order, Some(Ordering::Less | Ordering::Equal))))
}

/// True if `le` is false: NaN is greater than anything, as in Go.
pub(super) fn gt(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let order = order(arguments)?;
    Ok(Value::Bool(!matches!(order, Some(Ordering::Less | Ordering::Equal))))
}

pub(super) fn ge(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(Value::Bool(order(arguments)? != Some(Ordering::Less)))
}

/// The number of an integer of any type.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(value) | Value::Int64(value) => Some(i128::from(*value)),
        Value::Uint8(value) => Some(i128::from(*value)),
        Value::Object(object) => match object.kind() {
            Kind::Integer(value) => Some(i128::from(value)),
            Kind::Structure | Kind::Pointer => None,
        },
        Value::Uint64(value) => Some(i128::from(*value)),
        _ => None,
    }
}

fn equal(first: &Value, other: &Value) -> Result<bool, Failure> {
    if let (Some(first), Some(other)) = (integer(first), integer(other)) {
        return Ok(first == other);
    }
    Ok(match (first, other) {
        (Value::Bool(first), Value::Bool(other)) => first == other,
        (Value::Float(first), Value::Float(other)) => first == other,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::Text(first), Value::Text(other)) => first == other,
        (Value::Object(first), Value::Object(other)) => match (first.kind(), other.kind()) {
            // Structures of different types can be compared, and are not equal.
            (Kind::Structure, Kind::Structure) => first.equals(&**other),
            (Kind::Pointer, Kind::Pointer) => Rc::ptr_eq(first, other),
            _ => return Err(NOT_COMPARABLE),
        },
        (first, other) if first.is_nil() || other.is_nil() => first.is_nil() && other.is_nil(),
        // Lists and maps can only be compared with nil.
        (Value::List(first), Value::List(other)) if first.is_nil() || other.is_nil() => {
            first.is_nil() && other.is_nil()
        }
        (Value::Map(first), Value::Map(other)) if first.is_nil() || other.is_nil() => {
            first.is_nil() && other.is_nil()
        }
        _ => return Err(NOT_COMPARABLE),
    })
}

fn order(arguments: Arguments<'_>) -> Result<Option<Ordering>, Failure> {
    let (first, second) = (arguments.any(0)?, arguments.any(1)?);
    if let (Some(first), Some(second)) = (integer(first), integer(second)) {
        return Ok(Some(first.cmp(&second)));
    }
    match (first, second) {
        (Value::Float(first), Value::Float(second)) => Ok(first.partial_cmp(second)),
        (Value::Text(first), Value::Text(second)) => Ok(Some(first.cmp(second))),
        _ => Err("the arguments cannot be ordered".into()),
    }
}
