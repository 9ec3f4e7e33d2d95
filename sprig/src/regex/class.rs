//! Classes like `[a-z\d]`, and escapes inside and outside them.

use std::fmt::Write as _;

/// Writes `c` so that it matches itself anywhere.
pub(super) fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        out.push(c);
    } else {
        // Writing to a string does not fail.
        let _ = write!(out, "\\x{:02x}", u32::from(c));
    }
}

/// Writes a class whose opening bracket has been read. Returns the text after it.
pub(super) fn translate<'p>(out: &mut String, text: &'p str) -> Option<&'p str> {
    let mut rest = text;
    out.push('[');
    if let Some(negated) = rest.strip_prefix('^') {
        out.push('^');
        rest = negated;
    }
    let mut is_first = true;
    loop {
        if let Some(end) = rest.strip_prefix(']').filter(|_| !is_first) {
            out.push(']');
            return Some(end);
        }
        is_first = false;
        if let Some(name) = rest.strip_prefix("[:")
            && let Some(end) = name.find(":]")
        {
            posix(out, &name[..end])?;
            rest = &name[end + 2..];
            continue;
        }
        if let Some(escape) = rest.strip_prefix('\\') {
            match push_perl(out, escape) {
                Perl::Class(behind) => {
                    rest = behind;
                    continue;
                }
                Perl::Unknown => return None,
                Perl::Other => {}
            }
        }
        let (low, behind) = character(rest)?;
        rest = behind;
        push_literal(out, low);
        let range = rest.strip_prefix('-').filter(|behind| !behind.starts_with(']'));
        if let Some(behind) = range {
            let (high, behind) = character(behind)?;
            if high < low {
                return None;
            }
            out.push('-');
            push_literal(out, high);
            rest = behind;
        }
    }
}

/// The name within `[:alpha:]`.
fn posix(out: &mut String, name: &str) -> Option<()> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return None;
    }
    out.extend(["[:", name, ":]"]);
    Some(())
}

/// A character of a class, perhaps escaped.
fn character(text: &str) -> Option<(char, &str)> {
    if let Some(escape) = text.strip_prefix('\\') {
        return escaped(escape);
    }
    let mut chars = text.chars();
    Some((chars.next()?, chars.as_str()))
}

/// The result of reading an escape.
pub(super) enum Perl<'p> {
    /// A class, which has been written, and the text after it.
    Class(&'p str),
    /// A class whose name is unknown.
    Unknown,
    /// No class.
    Other,
}

/// Writes the class of an escape like `\d` or `\pL`.
pub(super) fn push_perl<'p>(out: &mut String, escape: &'p str) -> Perl<'p> {
    let mut chars = escape.chars();
    out.push_str(match chars.next().unwrap_or_default() {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => "[\\t\\n\\x0c\\r\\x20]",
        'S' => "[^\\t\\n\\x0c\\r\\x20]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        letter @ ('p' | 'P') => {
            return unicode(out, letter == 'P', chars.as_str()).map_or(Perl::Unknown, Perl::Class);
        }
        _ => return Perl::Other,
    });
    Perl::Class(chars.as_str())
}

/// A Unicode class, of which `\p` or `\P` has been read: a category or a script.
fn unicode<'p>(out: &mut String, negated: bool, text: &'p str) -> Option<&'p str> {
    let (name, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => text.split_at(text.chars().next()?.len_utf8()),
    };
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (!negated, name),
        None => (negated, name),
    };
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return None;
    }
    let class = ["gc", "sc"]
        .into_iter()
        .map(|property| format!("\\p{{{property}={name}}}"))
        .find(|class| regex_syntax::parse(class).is_ok())?;
    let class = if negated { class.replacen("\\p", "\\P", 1) } else { class };
    out.push_str(&class);
    Some(rest)
}

/// The character that an escape denotes, without its backslash.
pub(super) fn escaped(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let c = chars.next()?;
    let rest = chars.as_str();
    let plain = match c {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hexadecimal(rest),
        // A single digit would be a back-reference, which RE2 does not have.
        '1'..='7' if !rest.starts_with(|c: char| matches!(c, '0'..='7')) => return None,
        '0'..='7' => {
            let len =
                1 + rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            let code = u32::from_str_radix(&text[..len], 8).ok()?;
            return Some((char::from_u32(code)?, &text[len..]));
        }
        _ if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return None,
    };
    Some((plain, rest))
}

/// `\x41` or `\x{1f600}`.
fn hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
    Some((char::from_u32(code)?, rest))
}
