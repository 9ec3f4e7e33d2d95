//! The context of a template. The first byte chooses the function and the second its arguments. The
//! others are the strings, split at zeros.

#![no_main]

use std::sync::LazyLock;

use fuzz::{CANARY, entry, render, text};
use libfuzzer_sys::fuzz_target;
use templates::{dialect, Signature, Value};

static FUNCTIONS: LazyLock<Vec<(&'static str, usize)>> = LazyLock::new(|| {
    let arity = |function: Signature| {
        let (fixed, more) = function.arity();
        (function.name, fixed + usize::from(more))
    };
    dialect::external_secret().functions().map(arity).collect()
});

const ARGUMENTS: [&str; 8] = [".a", ".b", ".c", ".l", ".m", "1", "-1", ".s"];

fuzz_target!(|bytes: &[u8]| {
    let [function, arguments, rest @ ..] = bytes else { return };
    let (name, count) = FUNCTIONS[usize::from(*function) % FUNCTIONS.len()];
    let mut strings = rest.split(|byte| *byte == 0).chain(std::iter::repeat(&[][..]));
    let mut next = || text(strings.next().unwrap_or_default());
    let (a, b, c) = (next(), next(), next());
    let list = Value::list(vec![c.clone(), a.clone(), Value::Nil, b.clone()]);
    let map = Value::map([entry("a", b.clone()), entry("b", c.clone()), entry("c", list.clone())]);
    let data = Value::map([
        entry("a", a),
        entry("b", b),
        entry("c", c),
        entry("l", list),
        entry("m", map),
        entry("s", text(CANARY.as_bytes())),
    ]);
    let mut template = format!("{{{{ {name}");
    for index in 0..count {
        let choice = (usize::from(*arguments) >> (index * 2)) + index;
        template.push(' ');
        template.push_str(ARGUMENTS[choice % ARGUMENTS.len()]);
    }
    template.push_str(" }}");
    render(&template, &data, &dialect::external_secret());
});
