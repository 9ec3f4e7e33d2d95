//! Arithmetic of integers of 64 bits, which wraps around; and lists of integers.

use gotemplate::{
    Arguments, Buffer, Context, Element, Failure, Function, List,
    Parameter::{Any, Int},
    Value,
};

use super::convert::integer;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("add", &[], |_, a| Ok(fold(a.all(), 0, i64::wrapping_add))).rest(Any),
    Function::new("add1", &[Any], |_, a| Ok(Value::Int64(integer(a.any(0)?).wrapping_add(1)))),
    Function::new("biggest", &[Any], |_, a| largest(a)).rest(Any),
    Function::new("div", &[Any, Any], |_, a| divide(a, i64::wrapping_div)),
    Function::new("max", &[Any], |_, a| largest(a)).rest(Any),
    Function::new("min", &[Any], |_, a| Ok(fold(a.rest(1), integer(a.any(0)?), Ord::min)))
        .rest(Any),
    Function::new("mod", &[Any, Any], |_, a| divide(a, i64::wrapping_rem)),
    Function::new("mul", &[Any], |_, a| Ok(fold(a.rest(1), integer(a.any(0)?), i64::wrapping_mul)))
        .rest(Any),
    Function::new("seq", &[], seq).rest(Int),
    Function::new("sub", &[Any, Any], |_, a| {
        Ok(Value::Int64(integer(a.any(0)?).wrapping_sub(integer(a.any(1)?))))
    }),
    Function::new("until", &[Int], |c, a| {
        let end = integer(a.any(0)?);
        list(c, steps(0, end, if end < 0 { -1 } else { 1 }))
    }),
    Function::new("untilStep", &[Int, Int, Int], |c, a| {
        list(c, steps(integer(a.any(0)?), integer(a.any(1)?), integer(a.any(2)?)))
    }),
];

fn fold(values: &[Value], start: i64, with: fn(i64, i64) -> i64) -> Value {
    Value::Int64(values.iter().map(integer).fold(start, with))
}

fn largest(arguments: Arguments<'_>) -> Result<Value, Failure> {
    Ok(fold(arguments.rest(1), integer(arguments.any(0)?), Ord::max))
}

fn divide(arguments: Arguments<'_>, with: fn(i64, i64) -> i64) -> Result<Value, Failure> {
    match integer(arguments.any(1)?) {
        0 => Err("division by zero".into()),
        divisor => Ok(Value::Int64(with(integer(arguments.any(0)?), divisor))),
    }
}

/// From `start` to before `end`. Empty if the step leads away from `end`.
fn steps(start: i64, end: i64, step: i64) -> impl Iterator<Item = i64> + Clone {
    let goes = (start < end && step > 0) || (start > end && step < 0);
    let first = goes.then_some(start);
    std::iter::successors(first, move |at| {
        at.checked_add(step).filter(|next| if step > 0 { *next < end } else { *next > end })
    })
}

fn list(
    context: &mut Context<'_>,
    numbers: impl Iterator<Item = i64> + Clone,
) -> Result<Value, Failure> {
    let count = numbers.clone().take(context.meter.limits.items + 1).count();
    context.meter.items(count)?;
    Ok(Value::List(List::new(Element::Int, numbers.map(Value::Int).collect())))
}

/// Like the command `seq`: the last number is included, and the result is text.
fn seq(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let numbers: Vec<i64> = arguments.all().iter().map(integer).collect();
    let towards = |start, end| if start > end { -1 } else { 1 };
    let (start, step, end) = match numbers[..] {
        [end] => (1, towards(1, end), end),
        [start, end] => (start, towards(start, end), end),
        [start, step, end] => (start, step, end),
        _ => return Ok(Value::text("")),
    };
    let behind = end.saturating_add(if end < start { -1 } else { 1 });
    let mut text = Buffer::default();
    for (index, number) in steps(start, behind, step).enumerate() {
        context.meter.items(1)?;
        if index >= context.meter.limits.items {
            return Err(gotemplate::Limit::Items.into());
        }
        if index > 0 {
            text.push(" ");
        }
        text.push(number.to_string());
    }
    Ok(Value::text(text))
}
