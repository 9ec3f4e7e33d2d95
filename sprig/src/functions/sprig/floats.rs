//! Arithmetic of floats: exact sums and products of decimals, rounded once at the end.

use gotemplate::{
    Context, Failure, Function, Limit,
    Parameter::{Any, Float, Int},
    Value,
};

use super::{
    convert::{float, integer},
    decimal::Decimal,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("add1f", &[Any], |c, a| fold(c, Some(&Value::Int(1)), a.all(), ADD)),
    Function::new("addf", &[], |c, a| fold(c, Some(&Value::Int(0)), a.all(), ADD)).rest(Any),
    Function::new("ceil", &[Any], |_, a| Ok(Value::Float(float(a.any(0)?).ceil()))),
    Function::new("divf", &[Any], |c, a| {
        fold(c, a.all().first(), a.rest(1), |a, b| {
            a.divide(b).ok_or(Failure::Because("division by zero"))
        })
    })
    .rest(Any),
    Function::new("floor", &[Any], |_, a| Ok(Value::Float(float(a.any(0)?).floor()))),
    Function::new("maxf", &[Any], |_, a| extreme(a.all(), maximum)).rest(Any),
    Function::new("minf", &[Any], |_, a| extreme(a.all(), minimum)).rest(Any),
    Function::new("mulf", &[Any], |c, a| {
        fold(c, a.all().first(), a.rest(1), |a, b| Ok(a.multiply(b)))
    })
    .rest(Any),
    Function::new("round", &[Any, Int], |_, a| {
        let threshold = a.rest(2).first().map_or(0.5, float);
        Ok(Value::Float(round(float(a.any(0)?), integer(a.any(1)?), threshold)))
    })
    .rest(Float),
    Function::new("subf", &[Any], |c, a| {
        fold(c, a.all().first(), a.rest(1), |a, b| Ok(a.add(&b.negate())))
    })
    .rest(Any),
];

/// The most bits that exact arithmetic keeps: those of more than a thousand factors.
const MAX_BITS: u64 = 1 << 16;

type Operation = fn(&Decimal, &Decimal) -> Result<Decimal, Failure>;

const ADD: Operation = |a, b| Ok(a.add(b));

fn fold(
    context: &mut Context<'_>,
    start: Option<&Value>,
    values: &[Value],
    with: Operation,
) -> Result<Value, Failure> {
    let decimal = |value: &Value| {
        let float = float(value);
        Decimal::new(float).ok_or(Failure::Because("a number is not finite"))
    };
    let mut result = decimal(start.unwrap_or(&Value::Int(0)))?;
    for value in values {
        context.meter.steps(1 + result.bits() / 1024)?;
        result = with(&result, &decimal(value)?)?;
        if result.bits() > MAX_BITS {
            return Err(Limit::Bytes.into());
        }
    }
    Ok(Value::Float(result.to_float()))
}

fn extreme(values: &[Value], with: fn(f64, f64) -> f64) -> Result<Value, Failure> {
    let result = values.iter().map(float).reduce(with);
    result.map(Value::Float).ok_or(Failure::Because("there are no arguments"))
}

/// Go's `math.Max`: NaN wins, and 0 is above -0.
fn maximum(a: f64, b: f64) -> f64 {
    match () {
        () if a == f64::INFINITY || b == f64::INFINITY => f64::INFINITY,
        () if a.is_nan() || b.is_nan() => f64::NAN,
        () if a == 0.0 && b == 0.0 => {
            if a.is_sign_negative() {
                b
            } else {
                a
            }
        }
        () => {
            if a > b {
                a
            } else {
                b
            }
        }
    }
}

fn minimum(a: f64, b: f64) -> f64 {
    -maximum(-a, -b)
}

/// Rounds to this many decimals, up if the remainder is at least `threshold`.
fn round(value: f64, decimals: i64, threshold: f64) -> f64 {
    let power =
        10_f64.powi(i32::try_from(decimals).unwrap_or(if decimals > 0 { 400 } else { -400 }));
    let shifted = power * value;
    // Below zero the fraction is negative, so the result is rounded down.
    let rounded = if shifted.fract() >= threshold { shifted.ceil() } else { shifted.floor() };
    rounded / power
}
