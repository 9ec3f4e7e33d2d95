//! The fields and methods of what is neither a list nor a map.

use std::{cmp::Ordering, rc::Rc};

use crate::{semver::Version, value::Value};

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
        _ => Called::NoSuchMember,
    }
}

fn of_version(version: &Rc<Version>, name: &str, arguments: &[Value]) -> Called {
    let new = |version| Called::Value(Value::Version(Rc::new(version)));
    let (major, minor, patch) = (version.major, version.minor, version.patch);
    if let Some(method) =
        ["Compare", "Equal", "GreaterThan", "GreaterThanEqual", "LessThan", "LessThanEqual"]
            .into_iter()
            .find(|method| *method == name)
    {
        let [Value::Version(other)] = arguments else { return Called::WrongArguments(method) };
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
        "Original" => text(&version.original),
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
