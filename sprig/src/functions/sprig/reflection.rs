//! Types and kinds.

use std::{
    hash::{DefaultHasher, Hash as _},
    mem::discriminant,
};

use gotemplate::{
    Context, Failure, Function, Kind, Limit, Map, MapKind,
    Parameter::{Any, Text},
    Run, Value,
};

use crate::{semver::Version, time::Named};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("deepCopy", &[Any], COPY),
    Function::new("deepEqual", &[Any, Any], |c, a| {
        Ok(Value::Bool(equal(c, a.any(0)?, a.any(1)?, 0)?))
    }),
    Function::new("kindIs", &[Text, Any], |_, a| {
        Ok(Value::Bool(a.text(0)?.as_bytes() == kind(a.any(1)?).as_bytes()))
    }),
    Function::new("kindOf", &[Any], |_, a| Ok(Value::text(kind(a.any(0)?)))),
    Function::new("mustDeepCopy", &[Any], COPY),
    Function::new("typeIs", &[Text, Any], |_, a| {
        Ok(Value::Bool(a.text(0)?.as_bytes() == a.any(1)?.type_name().as_bytes()))
    }),
    Function::new("typeIsLike", &[Text, Any], |_, a| {
        let (wanted, found) = (a.text(0)?, a.any(1)?.type_name().as_bytes());
        let pointed_to = found.strip_prefix(b"*");
        Ok(Value::Bool(wanted.as_bytes() == found || pointed_to == Some(wanted.as_bytes())))
    }),
    Function::new("typeOf", &[Any], |_, a| Ok(Value::text(a.any(0)?.type_name()))),
];

const COPY: Run = |context, arguments| match arguments.any(0)? {
    Value::Missing | Value::Nil => Err("nil cannot be copied".into()),
    value => copy(context, value, 0),
};

/// The kind of a value's type, in Go's words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Missing | Value::Nil => "invalid",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Object(object) => match object.kind() {
            Kind::Structure => "struct",
            Kind::Pointer => "ptr",
            Kind::Integer(_) => value.as_object::<Named>().map_or("int64", |named| named.kind()),
        },
        other => other.type_name(),
    }
}

/// Go's `reflect.DeepEqual`: the same type, and equal at every level.
pub(super) fn equal(
    context: &mut Context<'_>,
    first: &Value,
    other: &Value,
    depth: usize,
) -> Result<bool, Failure> {
    context.meter.step()?;
    if depth > context.meter.limits.depth {
        return Err(Limit::Depth.into());
    }
    Ok(match (first, other) {
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        (Value::Bool(first), Value::Bool(other)) => first == other,
        (Value::Int(first), Value::Int(other)) | (Value::Int64(first), Value::Int64(other)) => {
            first == other
        }
        (Value::Uint8(first), Value::Uint8(other)) => first == other,
        (Value::Object(first), Value::Object(other)) => first.equals(&**other),
        (Value::Uint64(first), Value::Uint64(other)) => first == other,
        (Value::Float(first), Value::Float(other)) => first == other,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::Text(first), Value::Text(other)) => {
            context.meter.read(if first.len() == other.len() { first.len() } else { 0 })?;
            first == other
        }
        (Value::List(first), Value::List(other)) => {
            if first.element() != other.element()
                || first.is_nil() != other.is_nil()
                || first.len() != other.len()
            {
                return Ok(false);
            }
            for (first, other) in first.to_vec().iter().zip(other.to_vec().iter()) {
                if !equal(context, first, other, depth + 1)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Map(first), Value::Map(other)) => equal_maps(context, first, other, depth)?,
        _ => false,
    })
}

/// A number that is the same for values that are [`equal`].
pub(super) fn fingerprint(
    context: &mut Context<'_>,
    value: &Value,
    hasher: &mut DefaultHasher,
    depth: usize,
) -> Result<(), Failure> {
    context.meter.step()?;
    if depth > context.meter.limits.depth {
        return Ok(());
    }
    // Nil equals a missing value.
    if value.is_nil() {
        return Ok(());
    }
    discriminant(value).hash(hasher);
    match value {
        Value::Missing | Value::Nil | Value::Object(_) => {}
        Value::Bool(value) => value.hash(hasher),
        Value::Int(value) | Value::Int64(value) => value.hash(hasher),
        Value::Uint8(value) => value.hash(hasher),
        Value::Uint64(value) => value.hash(hasher),
        // 0 equals -0.
        Value::Float(value) => (value + 0.0).to_bits().hash(hasher),
        Value::Complex(real, imaginary) => {
            [(real + 0.0).to_bits(), (imaginary + 0.0).to_bits()].hash(hasher);
        }
        Value::Text(text) => {
            context.meter.read(text.len())?;
            text.as_bytes().hash(hasher);
        }
        Value::List(list) => {
            for item in list.to_vec() {
                fingerprint(context, &item, hasher, depth + 1)?;
            }
        }
        Value::Map(map) => {
            for (key, value) in map.entries().iter() {
                key.as_bytes().hash(hasher);
                fingerprint(context, value, hasher, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn equal_maps(
    context: &mut Context<'_>,
    first: &Map,
    other: &Map,
    depth: usize,
) -> Result<bool, Failure> {
    if first.kind() != other.kind()
        || first.is_nil() != other.is_nil()
        || first.len() != other.len()
    {
        return Ok(false);
    }
    for (key, value) in first.entries().iter() {
        let Some(counterpart) = other.get(key) else { return Ok(false) };
        if !equal(context, value, &counterpart, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A deep copy of lists and maps.
pub(super) fn copy(
    context: &mut Context<'_>,
    value: &Value,
    depth: usize,
) -> Result<Value, Failure> {
    context.meter.items(1)?;
    if depth > context.meter.limits.depth {
        return Err(Limit::Depth.into());
    }
    Ok(match value {
        Value::List(list) => {
            let items = list.to_vec();
            let items = items.iter().map(|item| copy(context, item, depth + 1));
            Value::List(list.with_items(items.collect::<Result<_, _>>()?))
        }
        Value::Map(map) if map.kind() == MapKind::Any => {
            context.meter.map()?;
            let entries = map.entries();
            let copies = entries
                .iter()
                .map(|(key, value)| Ok((key.clone(), copy(context, value, depth + 1)?)));
            Value::Map(Map::new(MapKind::Any, copies.collect::<Result<_, Failure>>()?))
        }
        other => match other.as_object::<Version>() {
            // Sprig copies exported fields, and a version has none.
            Some(version) => Value::from_object(version.emptied()),
            None => other.clone(),
        },
    })
}
