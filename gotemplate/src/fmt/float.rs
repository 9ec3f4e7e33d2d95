//! Floats: Go's `strconv.FormatFloat`.

/// The format of a float: the letters of Go's verbs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FloatFormat {
    /// `%b`: a whole number times a power of two.
    Binary,
    /// `%e`
    Exponent,
    /// `%f`
    Plain,
    /// `%g`: `%e` for large exponents, else `%f`.
    General,
    /// `%x`
    Hexadecimal,
}

/// Formats a float. Without a precision it has the fewest digits that identify it.
pub fn format_float(value: f64, format: FloatFormat, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let value = value.abs();
    if value.is_infinite() {
        return if sign.is_empty() { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let text = match format {
        FloatFormat::Binary => binary(value),
        FloatFormat::Exponent => exponent(value, precision),
        FloatFormat::Plain => match precision {
            Some(precision) => format!("{value:.precision$}"),
            None => format!("{value}"),
        },
        FloatFormat::General => general(value, precision),
        FloatFormat::Hexadecimal => hexadecimal(value, precision),
    };
    format!("{sign}{text}")
}

/// Rust writes `1e7`, Go `1e+07`.
fn exponent(value: f64, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.precision$e}"),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}e{}", signed_exponent(exponent))
}

fn signed_exponent(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.unsigned_abs())
}

fn general(value: f64, precision: Option<usize>) -> String {
    let precision = precision.map(|digits| digits.max(1));
    let scientific = match precision {
        Some(digits) => format!("{value:.*e}", digits - 1),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent_text) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent_text.parse().unwrap_or(0);
    let mut mantissa = mantissa;
    if mantissa.contains('.') {
        mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    }
    let digits = mantissa.len() - usize::from(mantissa.contains('.'));
    let threshold = match precision {
        // The number of digits before the point is always enough.
        Some(wanted) if wanted > digits && to_i32(digits) > exponent => to_i32(digits),
        Some(wanted) => to_i32(wanted),
        None => 6,
    };
    if exponent < -4 || exponent >= threshold {
        return format!("{mantissa}e{}", signed_exponent(exponent));
    }
    let decimals = usize::try_from(to_i32(digits) - 1 - exponent).unwrap_or(0);
    format!("{value:.decimals$}")
}

fn to_i32(digits: usize) -> i32 {
    i32::try_from(digits).unwrap_or(i32::MAX)
}

/// Mantissa and exponent: `value = mantissa × 2^exponent`.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52) & 0x7ff {
        0 => (fraction, -1074),
        biased => (fraction | 1 << 52, i32::try_from(biased).unwrap_or(0) - 1075),
    }
}

fn binary(value: f64) -> String {
    let (mantissa, exponent) = parts(value);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}p{sign}{}", exponent.unsigned_abs())
}

fn hexadecimal(value: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        let zeros = "0".repeat(precision.unwrap_or(0));
        let point = if zeros.is_empty() { "" } else { "." };
        return format!("0x0{point}{zeros}p+00");
    }
    // One digit before the point, 60 bits after it.
    let shift = mantissa.leading_zeros() - 3;
    mantissa <<= shift;
    exponent += 60 - i32::try_from(shift).unwrap_or(0);
    if let Some(digits) = precision.filter(|digits| *digits < 15) {
        let lost = 60 - 4 * digits;
        let (unit, half) = (1_u64 << lost, 1_u64 << (lost - 1));
        let rest = mantissa & (unit - 1);
        mantissa -= rest;
        if rest > half || (rest == half && mantissa & unit != 0) {
            mantissa += unit;
        }
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(digits) => format!("{fraction:0<digits$}")[..digits].to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("0x1{point}{fraction}p{}", signed_exponent(exponent))
}
