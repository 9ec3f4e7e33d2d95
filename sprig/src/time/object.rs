//! Times and named numbers in templates: their fields and methods.

use std::any::Any;

use gotemplate::{Field, Kind, Member, Object, ObjectType, Parameter, Value};

use super::{moment::Time, named::Named};

/// The type of a parameter that takes a time.
pub(crate) const TIME: Parameter =
    Parameter::Object(ObjectType { name: "time.Time", short_name: "time" });

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn kind(&self) -> Kind {
        Kind::Structure
    }

    fn equals(&self, other: &dyn Object) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }

    fn string(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn go_string(&self) -> Option<String> {
        Some(self.to_go_syntax())
    }

    fn fields(&self) -> Vec<(&'static str, Field)> {
        let (nanoseconds, seconds) = self.since_year_one();
        vec![
            ("wall", Field::Value(Value::Uint64(nanoseconds))),
            ("ext", Field::Value(Value::Int64(seconds))),
            ("loc", Field::Pointer(self.location())),
        ]
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        match (name, arguments) {
            ("Format", [Value::Text(layout)]) => {
                let layout = str::from_utf8(layout).unwrap_or_default();
                Member::Value(Value::text(self.format(layout)))
            }
            ("Add", [duration]) => match duration.as_object() {
                Some(Named::Duration(duration)) => match self.add(*duration) {
                    Some(time) => Member::Value(Value::from_object(time)),
                    None => Member::Failed("Add", "the time is out of range"),
                },
                _ => Member::WrongArguments("a method"),
            },
            ("Sub" | "After" | "Before" | "Equal" | "Compare", [other]) => {
                match other.as_object::<Self>() {
                    Some(other) => Member::Value(self.compared(name, other)),
                    None => Member::WrongArguments("a method"),
                }
            }
            ("Format" | "Add" | "Sub" | "After" | "Before" | "Equal" | "Compare", _) => {
                Member::WrongArguments("a method")
            }
            (_, []) => self.part(name).map_or(Member::Unknown, Member::Value),
            _ => Member::Unknown,
        }
    }
}

impl Time {
    /// The result of a method that takes another time.
    fn compared(&self, method: &str, other: &Self) -> Value {
        match method {
            "Sub" => Value::from_object(Named::Duration(self.since(other.at))),
            "After" => Value::Bool(self.at > other.at),
            "Before" => Value::Bool(self.at < other.at),
            "Equal" => Value::Bool(self.at == other.at),
            _ => Value::Int(self.at.cmp(&other.at) as i64),
        }
    }

    /// The result of a method that takes no arguments.
    fn part(&self, method: &str) -> Option<Value> {
        let at = self.at;
        let civil = self.civil();
        Some(match method {
            "Year" => Value::Int(i64::from(civil.year())),
            "Month" => Value::from_object(Named::Month(i64::from(civil.month()))),
            "Day" => Value::Int(i64::from(civil.day())),
            "Hour" => Value::Int(i64::from(civil.hour())),
            "Minute" => Value::Int(i64::from(civil.minute())),
            "Second" => Value::Int(i64::from(civil.second())),
            "Nanosecond" => Value::Int(i64::from(civil.subsec_nanosecond())),
            "YearDay" => Value::Int(i64::from(civil.day_of_year())),
            "Weekday" => Value::from_object(Named::Weekday(self.weekday())),
            "Unix" => Value::Int64(self.unix()),
            "UnixMilli" => Value::Int64(at.as_millisecond()),
            "UnixMicro" => Value::Int64(at.as_microsecond()),
            "UnixNano" => Value::Int64(i64::try_from(at.as_nanosecond()).unwrap_or(0)),
            "UTC" => Value::from_object(Self::utc(at)),
            "Local" => Value::from_object(Self::local(at)),
            "IsZero" => Value::Bool(at == Self::zero().at),
            "String" => Value::text(self.to_string()),
            _ => return None,
        })
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Duration(_) => "time.Duration",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
        }
    }

    fn kind(&self) -> Kind {
        Kind::Integer(self.number())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        let other: &dyn Any = other;
        other.downcast_ref() == Some(self)
    }

    fn string(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn with_integer(&self, number: i64) -> Value {
        Value::from_object(self.with_number(number))
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Member {
        Member::Value(match (self, name, arguments) {
            (_, "String", []) => Value::text(self.to_string()),
            (Self::Duration(duration), "Nanoseconds", []) => Value::Int64(duration.0),
            (Self::Duration(duration), "Seconds", []) => Value::Float(duration.in_units_of(1)),
            (Self::Duration(duration), "Minutes", []) => Value::Float(duration.in_units_of(60)),
            (Self::Duration(duration), "Hours", []) => Value::Float(duration.in_units_of(3600)),
            _ => return Member::Unknown,
        })
    }
}
