//! Versions in templates: their methods and their printed form.

use std::{any::Any, cmp::Ordering};

use gotemplate::{Field, Kind, Member, Object, Value};

use super::version::Version;

/// The methods that compare with another version. Only pointers have them.
const COMPARISONS: [&str; 6] =
    ["Compare", "Equal", "GreaterThan", "GreaterThanEqual", "LessThan", "LessThanEqual"];

impl Object for Version {
    fn type_name(&self) -> &'static str {
        if self.is_pointer { "*semver.Version" } else { "semver.Version" }
    }

    fn kind(&self) -> Kind {
        if self.is_pointer { Kind::Pointer } else { Kind::Structure }
    }

    fn equals(&self, other: &dyn Object) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }

    fn string(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        let text = |text: &str| Field::Value(Value::text(text));
        let number = |number| Field::Value(Value::Uint64(number));
        vec![
            ("major", number(self.major)),
            ("minor", number(self.minor)),
            ("patch", number(self.patch)),
            ("pre", text(&self.prerelease)),
            ("metadata", text(&self.metadata)),
            ("original", text(&self.original)),
        ]
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        if let Some(method) = COMPARISONS.into_iter().find(|method| *method == name)
            && self.is_pointer
        {
            let other = match arguments {
                [other] => other.as_object::<Self>().filter(|other| other.is_pointer),
                _ => None,
            };
            return match other {
                Some(other) => Member::Value(comparison(method, self.compare(other))),
                None => Member::WrongArguments(method),
            };
        }
        match self.part(name) {
            None => Member::Unknown,
            Some(_) if !arguments.is_empty() => Member::WrongArguments("a method"),
            Some(part) => Member::Value(part),
        }
    }
}

fn comparison(method: &str, order: Ordering) -> Value {
    match method {
        "Compare" => Value::Int(order as i64),
        "Equal" => Value::Bool(order == Ordering::Equal),
        "GreaterThan" => Value::Bool(order == Ordering::Greater),
        "GreaterThanEqual" => Value::Bool(order != Ordering::Less),
        "LessThan" => Value::Bool(order == Ordering::Less),
        _ => Value::Bool(order != Ordering::Greater),
    }
}

impl Version {
    /// The result of a method that takes no arguments.
    fn part(&self, method: &str) -> Option<Value> {
        let (major, minor, patch) = (self.major, self.minor, self.patch);
        let new = |major, minor, patch| Value::from_object(self.with_numbers(major, minor, patch));
        Some(match method {
            "Major" => Value::Uint64(major),
            "Minor" => Value::Uint64(minor),
            "Patch" => Value::Uint64(patch),
            "Prerelease" => Value::text(&*self.prerelease),
            "Metadata" => Value::text(&*self.metadata),
            "Original" if self.is_pointer => Value::text(&*self.original),
            "String" => Value::text(self.to_string()),
            "IncMajor" => new(major.wrapping_add(1), 0, 0),
            "IncMinor" => new(major, minor.wrapping_add(1), 0),
            // The next version of a prerelease is its release.
            "IncPatch" if !self.prerelease.is_empty() => new(major, minor, patch),
            "IncPatch" => new(major, minor, patch.wrapping_add(1)),
            _ => return None,
        })
    }
}
