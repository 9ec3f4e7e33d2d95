//! `print`, `printf`, `println`, `len`.

use crate::{
    context::Context, error::Failure, fmt, function::Arguments, text::Buffer, value::Value,
};

pub(super) fn print(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut buffer = Buffer::default();
    fmt::print(&mut buffer, &mut context.meter, arguments.all())?;
    Ok(Value::text(buffer))
}

pub(super) fn println(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let mut buffer = Buffer::default();
    fmt::print_line(&mut buffer, &mut context.meter, arguments.all())?;
    Ok(Value::text(buffer))
}

pub(super) fn printf(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
) -> Result<Value, Failure> {
    let mut buffer = Buffer::default();
    let format = arguments.text(0)?;
    // `%d` without an argument becomes `%!d(MISSING)`.
    context.meter.bytes(format.len().saturating_mul(6))?;
    fmt::print_formatted(&mut buffer, &mut context.meter, format, arguments.rest(1))?;
    Ok(Value::text(buffer))
}

pub(super) fn len(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let len = match arguments.any(0)? {
        Value::Text(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        _ => return Err("the argument has no length".into()),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}
