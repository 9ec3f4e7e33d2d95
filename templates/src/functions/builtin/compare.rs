//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `not`.

use std::{cmp::Ordering, rc::Rc};

use crate::{context::Context, error::Failure, functions::Arguments, value::Value};

const NOT_COMPARABLE: Failure = Failure::Because("the arguments cannot be compared");

pub(in crate::functions) fn not(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    Ok(Value::Bool(!arguments.any(0)?.is_true()))
}

/// Whether the first equals any other.
pub(in crate::functions) fn eq(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let first = arguments.any(0)?;
    if arguments.rest(1).is_empty() {
        return Err("there is nothing to compare with".into());
    }
    for other in arguments.rest(1) {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(in crate::functions) fn ne(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    Ok(Value::Bool(!equal(arguments.any(0)?, arguments.any(1)?)?))
}

pub(in crate::functions) fn lt(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    Ok(Value::Bool(order(arguments)? == Some(Ordering::Less)))
}

pub(in crate::functions) fn le(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let order = order(arguments)?;
    Ok(Value::Bool(matches!(order, Some(Ordering::Less | Ordering::Equal))))
}

/// What is not less or equal. NaN is greater than anything, as in Go.
pub(in crate::functions) fn gt(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let order = order(arguments)?;
    Ok(Value::Bool(!matches!(order, Some(Ordering::Less | Ordering::Equal))))
}

pub(in crate::functions) fn ge(
    _: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    Ok(Value::Bool(order(arguments)? != Some(Ordering::Less)))
}

/// The number that an integer of any type is.
fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(value) | Value::Int64(value) => Some(i128::from(*value)),
        Value::Uint8(value) => Some(i128::from(*value)),
        Value::Named(named) => Some(i128::from(named.number())),
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
        (Value::Certificate(first), Value::Certificate(other)) => first == other,
        (Value::Time(first), Value::Time(other)) => first == other,
        (Value::Version(first), Value::Version(other)) if first.is_pointer == other.is_pointer => {
            if first.is_pointer {
                Rc::ptr_eq(first, other)
            } else {
                first == other
            }
        }
        (first, other) if is_structure(first) && is_structure(other) => false,
        (first, other) if first.is_nil() || other.is_nil() => first.is_nil() && other.is_nil(),
        // Of lists and maps only those that are nil can be compared.
        (Value::List(first), Value::List(other)) if first.is_nil() || other.is_nil() => {
            first.is_nil() && other.is_nil()
        }
        (Value::Map(first), Value::Map(other)) if first.is_nil() || other.is_nil() => {
            first.is_nil() && other.is_nil()
        }
        _ => return Err(NOT_COMPARABLE),
    })
}

/// Structures of different types can be compared, and are not equal.
fn is_structure(value: &Value) -> bool {
    match value {
        Value::Certificate(_) | Value::Time(_) => true,
        Value::Version(version) => !version.is_pointer,
        _ => false,
    }
}

fn order(arguments: Arguments<'_>) -> Result<Option<Ordering>, Failure> {
    let (first, second) = (arguments.any(0)?, arguments.any(1)?);
    if let (Some(first), Some(second)) = (integer(first), integer(second)) {
        return Ok(Some(first.cmp(&second)));
    }
    match (first, second) {
        (Value::Float(first), Value::Float(second)) => Ok(first.partial_cmp(second)),
        (Value::Text(first), Value::Text(second)) => Ok(Some(first.cmp(second))),
        _ => Err("the arguments have no order".into()),
    }
}
