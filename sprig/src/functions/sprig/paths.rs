//! Paths. The functions for the paths of the operating system use Linux's rules, because
//! controllers run there.

use gotemplate::{Buffer, Context, Failure, Function, Parameter::Text, Run, Value};

use super::convert::new_text;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("base", &[Text], BASE),
    Function::new("clean", &[Text], CLEAN),
    Function::new("dir", &[Text], DIR),
    Function::new("ext", &[Text], EXT),
    Function::new("isAbs", &[Text], IS_ABS),
    Function::new("osBase", &[Text], BASE),
    Function::new("osClean", &[Text], CLEAN),
    Function::new("osDir", &[Text], DIR),
    Function::new("osExt", &[Text], EXT),
    Function::new("osIsAbs", &[Text], IS_ABS),
];

const BASE: Run = |c, a| new_text(c, base(a.text(0)?));

const CLEAN: Run = |c, a| clean(c, a.text(0)?);

const DIR: Run = |c, a| {
    let path = a.text(0)?;
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    clean(c, &path[..end])
};

/// The extension: the last element, from its last dot on.
const EXT: Run = |c, a| {
    let path = a.text(0)?;
    let dot = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    new_text(c, dot.filter(|at| path[*at] == b'.').map_or(&[], |at| &path[at..]))
};

const IS_ABS: Run = |_, a| Ok(Value::Bool(a.text(0)?.starts_with(b"/")));

fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    match path[..end].rsplit(|byte| *byte == b'/').next() {
        Some([]) | None => b"/",
        Some(element) => element,
    }
}

/// The shortest equivalent path, without access to the file system.
fn clean(context: &mut Context<'_>, path: &[u8]) -> Result<Value, Failure> {
    let is_absolute = path.starts_with(b"/");
    let count = 1 + memchr::memchr_iter(b'/', path).count();
    context.meter.bytes(path.len() + count * size_of::<&[u8]>())?;
    let mut elements: Vec<&[u8]> = Vec::with_capacity(count);
    for element in path.split(|byte| *byte == b'/') {
        match element {
            b"" | b"." => {}
            b".." => match elements.last() {
                Some(last) if *last != b".." => drop(elements.pop()),
                _ if is_absolute => {}
                _ => elements.push(element),
            },
            _ => elements.push(element),
        }
    }
    let mut cleaned = Buffer::with_capacity(path.len() + 1);
    cleaned.push(if is_absolute { "/" } else { "" });
    for (index, element) in elements.iter().enumerate() {
        cleaned.push(if index > 0 { "/" } else { "" });
        cleaned.push(element);
    }
    if cleaned.is_empty() {
        cleaned.push(".");
    }
    Ok(Value::text(cleaned))
}
