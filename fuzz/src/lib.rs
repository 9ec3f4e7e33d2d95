//! Code that the targets for templates share.

use std::cell::Cell;

use rand::{SeedableRng as _, rngs::StdRng};
use templates::{Dialect, Environment, Limits, Template, Text, Value};

/// Part of every value. Errors must not contain it.
pub const CANARY: &str = "canary7f3";

/// Renders a template. It must end soon, and an error must not contain a value.
pub fn render(text: &str, data: &Value, dialect: &Dialect) {
    let told = match Template::parse("t", text, dialect) {
        Err(error) => format!("{error} {error:?}"),
        Ok(template) => {
            template.inspect();
            let questions = Cell::new(0_u32);
            let environment = Environment {
                now: jiff::Timestamp::UNIX_EPOCH,
                random: &mut StdRng::seed_from_u64(1),
                limits: Limits { steps: 100_000, bytes: 4 << 20, ..Limits::default() },
                deadline_exceeded: &|| {
                    questions.set(questions.get() + 1);
                    questions.get() > 1000
                },
            };
            match template.render(data, environment) {
                Ok(_) => return,
                Err(error) => format!("{error} {error:?}"),
            }
        }
    };
    assert!(text.contains(CANARY) || !told.contains(CANARY), "{told}");
}

/// A string.
pub fn text(bytes: &[u8]) -> Value {
    Value::text(bytes)
}

/// An entry of a map.
pub fn entry(key: &str, value: Value) -> (Text, Value) {
    (Text::from(key), value)
}
