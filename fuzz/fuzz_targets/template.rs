//! The text of a template, in each dialect, with values of all types.

#![no_main]

use fuzz::{CANARY, entry, render, text};
use libfuzzer_sys::fuzz_target;
use templates::{Dialect, dialect, Value};

fuzz_target!(|bytes: &[u8]| {
    let Ok(template) = str::from_utf8(bytes) else { return };
    let json = format!("{{\"{CANARY}\": [1, null, \"{CANARY}\"]}}");
    let data = Value::map([
        entry("s", text(CANARY.as_bytes())),
        entry("l", Value::list(vec![text(b"b"), Value::Nil, Value::Float(1.5), text(b"a")])),
        entry("m", Value::map([entry("a", text(b"1")), entry("b", Value::list(vec![]))])),
        entry("n", Value::Nil),
        entry("i", Value::Int(42)),
        entry("j", text(json.as_bytes())),
    ]);
    for dialect in [Dialect::go(), dialect::sealed_secret(), dialect::external_secret()] {
        render(template, &data, &dialect);
    }
});
