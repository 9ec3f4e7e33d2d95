//! Dates. The local zone is UTC.

use gotemplate::{
    Arguments, Context, Failure, Function,
    Parameter::{Any, Text},
    Run, Value,
};

use super::convert::{new_text, text as to_text};
use crate::time::{Duration, TIME, Time, parse, parse_duration};

pub(super) static FUNCTIONS: &[Function] =
    &[
        Function::new("ago", &[Any], |c, a| {
            let now = Time::utc(c.now);
            let since = now.since(moment(c, a.any(0)?)?.at);
            Ok(Value::text(since.round_to_seconds().to_string()))
        })
        .random(),
        Function::new("date", &[Text, Any], |c, a| format(c, a.text(0)?, a.any(1)?, b"")),
        Function::new("dateInZone", &[Text, Any, Text], IN_ZONE),
        Function::new("dateModify", &[Text, TIME], |_, a| {
            Ok(modified(a)?.unwrap_or(a.any(1)?.clone()))
        }),
        Function::new("date_in_zone", &[Text, Any, Text], IN_ZONE),
        Function::new("date_modify", &[Text, TIME], |_, a| {
            Ok(modified(a)?.unwrap_or(a.any(1)?.clone()))
        }),
        Function::new("duration", &[Any], |_, a| {
            let seconds = match a.any(0)? {
                Value::Int64(seconds) => *seconds,
                Value::Text(text) => utf8(text).parse().unwrap_or(0),
                _ => 0,
            };
            Ok(Value::text(Duration(seconds.wrapping_mul(1_000_000_000)).to_string()))
        }),
        Function::new("durationRound", &[Any], duration_round),
        Function::new("htmlDate", &[Any], |c, a| format(c, b"2006-01-02", a.any(0)?, b"")),
        Function::new("htmlDateInZone", &[Any, Text], |c, a| {
            format(c, b"2006-01-02", a.any(0)?, a.text(1)?)
        }),
        Function::new("mustDateModify", &[Text, TIME], MUST_MODIFY),
        Function::new("mustToDate", &[Text, Text], |c, a| {
            read(c, a)?.ok_or(Failure::Because("the date does not fit the layout"))
        }),
        Function::new("must_date_modify", &[Text, TIME], MUST_MODIFY),
        Function::new("now", &[], |c, _| Ok(Value::from_object(Time::local(c.now)))).random(),
        Function::new("toDate", &[Text, Text], |c, a| {
            Ok(read(c, a)?.unwrap_or_else(|| Value::from_object(Time::zero())))
        }),
        Function::new("unixEpoch", &[TIME], |c, a| {
            new_text(c, a.object::<Time>(0)?.unix().to_string().as_bytes())
        }),
    ];

const IN_ZONE: Run = |c, a| format(c, a.text(0)?, a.any(1)?, a.text(2)?);

const MUST_MODIFY: Run = |_, a| modified(a)?.ok_or(Failure::Because("the duration is malformed"));

const OUT_OF_RANGE: Failure = Failure::Because("the time is out of range");

fn utf8(text: &[u8]) -> &str {
    str::from_utf8(text).unwrap_or_default()
}

/// A character for each byte, with the byte's number.
fn latin1(text: &[u8]) -> String {
    text.iter().map(|byte| char::from(*byte)).collect()
}

/// A time, or seconds since 1970. Anything else is now.
fn moment(context: &mut Context<'_>, value: &Value) -> Result<Time, Failure> {
    if let Some(time) = value.as_object::<Time>() {
        return Ok(time.clone());
    }
    match value {
        Value::Int(seconds) | Value::Int64(seconds) => {
            Time::from_unix(*seconds).ok_or(OUT_OF_RANGE)
        }
        _ => {
            context.non_deterministic = true;
            Ok(Time::local(context.now))
        }
    }
}

fn format(
    context: &mut Context<'_>,
    layout: &[u8],
    date: &Value,
    zone: &[u8],
) -> Result<Value, Failure> {
    let time = moment(context, date)?.in_zone(zone);
    // No part of a layout becomes more than nine times as long. Formatting temporarily needs a list of
    // the parts.
    context.meter.bytes(layout.len().saturating_mul(16))?;
    if let Ok(layout) = str::from_utf8(layout) {
        return new_text(context, time.format(layout).as_bytes());
    }
    // Byte by byte, because all layout elements are ASCII.
    let text = time.format(&latin1(layout));
    let bytes: Vec<u8> = text.chars().map(|c| u32::from(c) as u8).collect();
    new_text(context, &bytes)
}

/// None if the duration is malformed.
fn modified(arguments: Arguments<'_>) -> Result<Option<Value>, Failure> {
    let time: &Time = arguments.object(1)?;
    let Some(duration) = parse_duration(utf8(arguments.text(0)?)) else { return Ok(None) };
    let time = time.add(duration).ok_or(OUT_OF_RANGE)?;
    Ok(Some(Value::from_object(time)))
}

fn read(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Option<Value>, Failure> {
    let (layout, text) = (arguments.text(0)?, arguments.text(1)?);
    context.meter.bytes(layout.len().saturating_mul(16) + text.len())?;
    let time = match (str::from_utf8(layout), str::from_utf8(text)) {
        (Ok(layout), Ok(text)) => parse(layout, text),
        _ => parse(&latin1(layout), &latin1(text)),
    };
    Ok(time.map(Value::from_object))
}

fn duration_round(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let duration = match arguments.any(0)? {
        Value::Text(text) => parse_duration(utf8(text)).unwrap_or(Duration(0)),
        Value::Int64(nanoseconds) => Duration(*nanoseconds),
        value => match value.as_object::<Time>() {
            Some(time) => {
                context.non_deterministic = true;
                Time::utc(context.now).since(time.at)
            }
            None => Duration(0),
        },
    };
    let text = Value::text(duration.in_largest_unit());
    Ok(Value::Text(to_text(context, &text)?))
}
