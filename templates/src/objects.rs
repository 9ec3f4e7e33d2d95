//! The fields and methods of what is neither a list nor a map.

use std::{cmp::Ordering, rc::Rc};

use crate::{
    semver::Version,
    time::{Named, Time},
    value::Value,
};

/// What came of asking for a member.
pub(crate) enum Called {
    Value(Value),
    NoSuchMember,
    /// The method takes other arguments.
    WrongArguments(&'static str),
    /// The method failed, and why.
    Failed(&'static str, &'static str),
}

/// The member `name` of `value`, called with `arguments` where it is a method.
pub(crate) fn call(value: &Value, name: &str, arguments: &[Value]) -> Called {
    match value {
        Value::Version(version) => of_version(version, name, arguments),
        Value::Time(time) => of_time(time, name, arguments),
        Value::Certificate(certificate) => {
            let fields = certificate.fields();
            match fields.into_iter().find(|(field, _)| *field == name) {
                Some((_, field)) if arguments.is_empty() => Called::Value(field),
                Some((field, _)) => Called::WrongArguments(field),
                None => Called::NoSuchMember,
            }
        }
        Value::Named(named) => of_named(*named, name, arguments),
        _ => Called::NoSuchMember,
    }
}

fn of_version(version: &Rc<Version>, name: &str, arguments: &[Value]) -> Called {
    let new = |version| Called::Value(Value::Version(Rc::new(version)));
    let (major, minor, patch) = (version.major, version.minor, version.patch);
    if let Some(method) =
        ["Compare", "Equal", "GreaterThan", "GreaterThanEqual", "LessThan", "LessThanEqual"]
            .into_iter()
            .find(|method| *method == name && version.is_pointer)
    {
        let [Value::Version(other)] = arguments else { return Called::WrongArguments(method) };
        if !other.is_pointer {
            return Called::WrongArguments(method);
        }
        let order = version.compare(other);
        return Called::Value(match method {
            "Compare" => Value::Int(order as i64),
            "Equal" => Value::Bool(order == Ordering::Equal),
            "GreaterThan" => Value::Bool(order == Ordering::Greater),
            "GreaterThanEqual" => Value::Bool(order != Ordering::Less),
            "LessThan" => Value::Bool(order == Ordering::Less),
            _ => Value::Bool(order != Ordering::Greater),
        });
    }
    let text = |text: &str| Called::Value(Value::text(text));
    let found = match name {
        "Major" => Called::Value(Value::Uint64(major)),
        "Minor" => Called::Value(Value::Uint64(minor)),
        "Patch" => Called::Value(Value::Uint64(patch)),
        "Prerelease" => text(&version.prerelease),
        "Metadata" => text(&version.metadata),
        "Original" if version.is_pointer => text(&version.original),
        "String" => text(&version.to_string()),
        "IncMajor" => new(version.with_numbers(major.wrapping_add(1), 0, 0)),
        "IncMinor" => new(version.with_numbers(major, minor.wrapping_add(1), 0)),
        // A prerelease becomes the release.
        "IncPatch" if !version.prerelease.is_empty() => {
            new(version.with_numbers(major, minor, patch))
        }
        "IncPatch" => new(version.with_numbers(major, minor, patch.wrapping_add(1))),
        _ => return Called::NoSuchMember,
    };
    if arguments.is_empty() { found } else { Called::WrongArguments("a method") }
}

fn of_time(time: &Time, name: &str, arguments: &[Value]) -> Called {
    let int = |number: i64| Called::Value(Value::Int(number));
    let int64 = |number: i64| Called::Value(Value::Int64(number));
    let boolean = |value: bool| Called::Value(Value::Bool(value));
    let at = time.at;
    let now = time.civil();
    match (name, arguments) {
        ("Format", [Value::Text(layout)]) => {
            let layout = str::from_utf8(layout).unwrap_or_default();
            Called::Value(Value::text(time.format(layout)))
        }
        ("Add", [Value::Named(Named::Duration(duration))]) => match time.add(*duration) {
            Some(time) => Called::Value(Value::Time(Rc::new(time))),
            None => Called::Failed("Add", "the time is out of range"),
        },
        ("Sub", [Value::Time(other)]) => {
            Called::Value(Value::Named(Named::Duration(time.since(other.at))))
        }
        ("After", [Value::Time(other)]) => boolean(at > other.at),
        ("Before", [Value::Time(other)]) => boolean(at < other.at),
        ("Equal", [Value::Time(other)]) => boolean(at == other.at),
        ("Compare", [Value::Time(other)]) => int(at.cmp(&other.at) as i64),
        ("Format" | "Add" | "Sub" | "After" | "Before" | "Equal" | "Compare", _) => {
            Called::WrongArguments("a method")
        }
        ("Year", []) => int(i64::from(now.year())),
        ("Month", []) => Called::Value(Value::Named(Named::Month(i64::from(now.month())))),
        ("Day", []) => int(i64::from(now.day())),
        ("Hour", []) => int(i64::from(now.hour())),
        ("Minute", []) => int(i64::from(now.minute())),
        ("Second", []) => int(i64::from(now.second())),
        ("Nanosecond", []) => int(i64::from(now.subsec_nanosecond())),
        ("YearDay", []) => int(i64::from(now.day_of_year())),
        ("Weekday", []) => Called::Value(Value::Named(Named::Weekday(time.weekday()))),
        ("Unix", []) => int64(time.unix()),
        ("UnixMilli", []) => int64(at.as_millisecond()),
        ("UnixMicro", []) => int64(at.as_microsecond()),
        ("UnixNano", []) => int64(i64::try_from(at.as_nanosecond()).unwrap_or(0)),
        ("UTC", []) => Called::Value(Value::Time(Rc::new(Time::utc(at)))),
        ("Local", []) => Called::Value(Value::Time(Rc::new(Time::local(at)))),
        ("IsZero", []) => boolean(at == Time::zero().at),
        ("String", []) => Called::Value(Value::text(time.to_string())),
        _ => Called::NoSuchMember,
    }
}

fn of_named(named: Named, name: &str, arguments: &[Value]) -> Called {
    let float = |value: f64| Called::Value(Value::Float(value));
    match (named, name, arguments) {
        (_, "String", []) => Called::Value(Value::text(named.to_string())),
        (Named::Duration(duration), "Nanoseconds", []) => Called::Value(Value::Int64(duration.0)),
        (Named::Duration(duration), "Seconds", []) => float(duration.in_units_of(1)),
        (Named::Duration(duration), "Minutes", []) => float(duration.in_units_of(60)),
        (Named::Duration(duration), "Hours", []) => float(duration.in_units_of(3600)),
        _ => Called::NoSuchMember,
    }
}
