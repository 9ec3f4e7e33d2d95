//! Type conversion, as lenient as Sprig's. A value that cannot be converted becomes zero.

use gotemplate::{
    Buffer, Context, Element, Failure, Function, List,
    Parameter::{Any, Text as String},
    Text, Value, fmt, parse_float, parse_integer,
};

use crate::time::Named;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("atoi", &[String], |_, a| Ok(Value::Int(atoi(a.text(0)?)))),
    Function::new("float64", &[Any], |_, a| Ok(Value::Float(float(a.any(0)?)))),
    Function::new("int", &[Any], |_, a| Ok(Value::Int(integer(a.any(0)?)))),
    Function::new("int64", &[Any], |_, a| Ok(Value::Int64(integer(a.any(0)?)))),
    Function::new("toDecimal", &[Any], |c, a| to_decimal(c, a.any(0)?)),
    Function::new("toString", &[Any], |c, a| Ok(Value::Text(text(c, a.any(0)?)?))),
    Function::new("toStrings", &[Any], |c, a| match a.any(0)? {
        Value::List(list) if list.element() == Element::Text => Ok(Value::List(list.clone())),
        value => Ok(Value::List(List::new(Element::Text, texts(c, value)?))),
    }),
];

/// A new string.
pub(super) fn new_text(context: &mut Context<'_>, text: &[u8]) -> Result<Value, Failure> {
    context.meter.bytes(text.len())?;
    Ok(Value::text(text))
}

/// A string unchanged, anything else as `%v` prints it.
pub(super) fn text(context: &mut Context<'_>, value: &Value) -> Result<Text, Failure> {
    if let Value::Text(text) = value {
        return Ok(text.clone());
    }
    let mut buffer = Buffer::default();
    fmt::print_value(&mut buffer, &mut context.meter, value)?;
    Ok(buffer.into())
}

/// The items of a list as strings, without nil items. Any other value counts as a list of one item.
pub(super) fn texts(context: &mut Context<'_>, value: &Value) -> Result<Vec<Value>, Failure> {
    let items = match value {
        Value::Missing | Value::Nil => Vec::new(),
        Value::List(list) => list.to_vec(),
        other => vec![other.clone()],
    };
    context.meter.items(items.len())?;
    let some = items.iter().filter(|item| !item.is_nil());
    some.map(|item| Ok(Value::Text(text(context, item)?))).collect()
}

/// Rust's cast saturates. Go on amd64 returns the smallest integer for a number that does not fit.
pub(super) fn truncate(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

pub(super) fn integer(value: &Value) -> i64 {
    match value {
        Value::Int(value) | Value::Int64(value) => *value,
        Value::Uint8(value) => i64::from(*value),
        Value::Uint64(value) => *value as i64,
        Value::Float(value) => truncate(*value),
        Value::Bool(value) => i64::from(*value),
        Value::Text(text) => {
            let text = str::from_utf8(text).unwrap_or_default();
            let number = parse_integer(without_zero_decimals(text));
            number.and_then(|number| i64::try_from(number).ok()).unwrap_or(0)
        }
        other => month_or_weekday(other).unwrap_or(0),
    }
}

pub(super) fn float(value: &Value) -> f64 {
    match value {
        Value::Int(value) | Value::Int64(value) => *value as f64,
        Value::Uint8(value) => f64::from(*value),
        Value::Uint64(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => {
            let text = str::from_utf8(text).unwrap_or_default();
            word(text).or_else(|| parse_float(text)).unwrap_or(0.0)
        }
        other => month_or_weekday(other).map_or(0.0, |number| number as f64),
    }
}

/// The numbers of other named types are not converted.
fn month_or_weekday(value: &Value) -> Option<i64> {
    match value.as_object()? {
        Named::Month(number) | Named::Weekday(number) => Some(*number),
        Named::Duration(_) => None,
    }
}

/// `inf`, `infinity` and `nan`, in any case.
fn word(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    match unsigned {
        "inf" | "infinity" if lower.starts_with('-') => Some(f64::NEG_INFINITY),
        "inf" | "infinity" => Some(f64::INFINITY),
        "nan" if lower == unsigned => Some(f64::NAN),
        _ => None,
    }
}

/// `3` of `3.00`.
fn without_zero_decimals(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|c| c == b'0') => whole,
        _ => text,
    }
}

/// Decimal digits only. A number that is too large becomes the largest one, as in Go.
pub(super) fn atoi(text: &[u8]) -> i64 {
    let text = str::from_utf8(text).unwrap_or_default();
    match text.parse() {
        Ok(number) => number,
        Err(error) => match std::num::ParseIntError::kind(&error) {
            std::num::IntErrorKind::PosOverflow => i64::MAX,
            std::num::IntErrorKind::NegOverflow => i64::MIN,
            _ => 0,
        },
    }
}

/// The printed value, read as octal.
fn to_decimal(context: &mut Context<'_>, value: &Value) -> Result<Value, Failure> {
    let printed = text(context, value)?;
    let digits = str::from_utf8(&printed).unwrap_or_default();
    Ok(Value::Int64(i64::from_str_radix(digits, 8).unwrap_or(0)))
}
