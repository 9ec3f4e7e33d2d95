//! Validates JSON. Nesting is not limited, because the validator does not recurse.

/// Whether a text is exactly one JSON value.
pub(crate) fn is_valid(json: &[u8]) -> bool {
    validate(json).is_some()
}

fn validate(json: &[u8]) -> Option<()> {
    // The closing brackets of the open objects and arrays.
    let mut open = Vec::new();
    let mut at = 0;
    'values: loop {
        at = skip_white_space(json, at);
        let first = *json.get(at)?;
        if first == b'{' || first == b'[' {
            let closing = first + 2;
            open.push(closing);
            at = skip_white_space(json, at + 1);
            if json.get(at) != Some(&closing) {
                if first == b'{' {
                    at = name(json, at)?;
                }
                continue;
            }
        } else {
            at = scalar(json, at)?;
        }
        loop {
            at = skip_white_space(json, at);
            let Some(closing) = open.last() else {
                return (at == json.len()).then_some(());
            };
            match json.get(at)? {
                b',' => {
                    at += 1;
                    if *closing == b'}' {
                        at = name(json, skip_white_space(json, at))?;
                    }
                    continue 'values;
                }
                byte if byte == closing => {
                    open.pop();
                    at += 1;
                }
                _ => return None,
            }
        }
    }
}

/// The index of the next character that is not white space.
fn skip_white_space(json: &[u8], at: usize) -> usize {
    let is_visible = |byte: &u8| !b" \t\r\n".contains(byte);
    json[at..].iter().position(is_visible).map_or(json.len(), |skipped| at + skipped)
}

/// The end of a member's name and colon.
fn name(json: &[u8], at: usize) -> Option<usize> {
    let at = skip_white_space(json, string(json, at)?);
    (json.get(at)? == &b':').then_some(at + 1)
}

fn scalar(json: &[u8], at: usize) -> Option<usize> {
    let word = |word: &[u8]| json[at..].starts_with(word).then_some(at + word.len());
    match json.get(at)? {
        b'"' => string(json, at),
        b't' => word(b"true"),
        b'f' => word(b"false"),
        b'n' => word(b"null"),
        _ => number(json, at),
    }
}

fn string(json: &[u8], at: usize) -> Option<usize> {
    let mut at = (json.get(at)? == &b'"').then_some(at + 1)?;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => {
                at += match json.get(at + 1)? {
                    b'u' if json.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit) => 6,
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                    _ => return None,
                }
            }
            0..b' ' => return None,
            _ => at += 1,
        }
    }
}

fn number(json: &[u8], mut at: usize) -> Option<usize> {
    let digits = |at: usize| json[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    at += usize::from(json[at] == b'-');
    at += match (json.get(at), digits(at)) {
        (_, 0) => return None,
        (Some(b'0'), _) => 1,
        (_, len) => len,
    };
    if json.get(at) == Some(&b'.') {
        let len = digits(at + 1);
        at += (len > 0).then_some(1 + len)?;
    }
    if let Some(b'e' | b'E') = json.get(at) {
        at += 1;
        at += usize::from(matches!(json.get(at), Some(b'+' | b'-')));
        let len = digits(at);
        at += (len > 0).then_some(len)?;
    }
    Some(at)
}
