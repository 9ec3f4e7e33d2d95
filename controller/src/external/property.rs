//! A part of a JSON value by a path, as External Secrets takes it with Go's gjson 1.18.
//!
//! A path is names and numbers between dots. `*` and `?` stand for letters of a name, `\` takes the
//! meaning off what follows. `#` is the length of an array or, in the middle, each of its elements;
//! `#(a=="x")` the first that fits, `#(…)#` all of them. Modifiers `@this`, `@keys`, `@values`,
//! `@reverse`, `@tostr`, `@fromstr` and `@valid` are there, with `.` or `|` behind. What is not
//! (multipaths, literals, other modifiers) is an error, and not a value that is missing.
//!
//! Like gjson, it reads no further than it must: what follows a member that was found may be
//! anything.

use zeroize::Zeroizing;

/// Why there is no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PropertyError {
    /// The value has no such part.
    Missing,
    /// The path uses what is not supported here.
    Unsupported,
}

/// The part of `json` at `path`: strings unquoted, everything else as it is written, but numbers with
/// a point or an exponent as Go's `strconv` writes them (recorded, x03: `1.50` gives `1.5`).
///
/// # Errors
/// See [`PropertyError`].
pub fn property(json: &[u8], path: &str) -> Result<Zeroizing<Vec<u8>>, PropertyError> {
    // A name that has dots itself comes first.
    if path.contains('.') {
        let name = path.replace('.', "\\.");
        if let Ok(found) = get(json, name.as_bytes(), 0) {
            return Ok(text(&found));
        }
    }
    get(json, path.as_bytes(), 0).map(|found| text(&found))
}

/// The members of an object, in their order; none if it is no object, or not JSON to its end.
pub fn members(json: &[u8]) -> Option<Vec<(String, Zeroizing<Vec<u8>>)>> {
    let valid: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(json);
    valid.ok()?;
    let mut all = Vec::new();
    for (name, value) in Members::of(json)? {
        let name = String::from_utf8_lossy(&unquoted(name)).into_owned();
        // null becomes the empty string in Go, and everything but strings stays as it is written.
        let value = match value.first() {
            Some(b'"') => unquoted(value),
            Some(b'n') => Zeroizing::default(),
            _ => Zeroizing::new(value.to_vec()),
        };
        all.push((name, value));
    }
    Some(all)
}

/// How deep a path may nest modifiers and queries.
const DEPTH: usize = 16;

type Found = Zeroizing<Vec<u8>>;

fn get(json: &[u8], path: &[u8], depth: usize) -> Result<Found, PropertyError> {
    if depth > DEPTH {
        return Err(PropertyError::Unsupported);
    }
    let json = trimmed(json);
    match path.first() {
        Some(b'@') => return modified(json, path, depth),
        Some(b'{' | b'[' | b'!') => return Err(PropertyError::Unsupported),
        Some(_) => {}
        None => return Err(PropertyError::Missing),
    }
    match json.first() {
        Some(b'{') => {
            let part = Part::read(path);
            let mut members = Members::of(json).ok_or(PropertyError::Missing)?;
            let value = loop {
                let (name, value) = members.next().ok_or(PropertyError::Missing)?;
                if part.matches(&unquoted(name)) {
                    break value;
                }
            };
            rest(value, part.rest, depth)
        }
        Some(b'[') => in_array(json, path, depth),
        _ => Err(PropertyError::Missing),
    }
}

fn rest(value: &[u8], path: Option<&[u8]>, depth: usize) -> Result<Found, PropertyError> {
    match path {
        None => Ok(Zeroizing::new(value.to_vec())),
        Some(path) => get(value, path, depth + 1),
    }
}

fn in_array(json: &[u8], path: &[u8], depth: usize) -> Result<Found, PropertyError> {
    if let Some(query) = path.strip_prefix(b"#(").or_else(|| path.strip_prefix(b"#[")) {
        return queried(json, query, depth);
    }
    let part = Part::read(path);
    if part.name == b"#" {
        let elements = Elements::of(json);
        let Some(path) = part.rest else {
            return Ok(Zeroizing::new(elements.count().to_string().into_bytes()));
        };
        if part.is_pipe {
            return Err(PropertyError::Missing);
        }
        let found: Vec<_> =
            elements.filter_map(|element| get(element, path, depth + 1).ok()).collect();
        return Ok(array(found.iter().map(|found| found.as_slice())));
    }
    let index: usize = str::from_utf8(&part.name)
        .ok()
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|name| name.parse().ok())
        .ok_or(PropertyError::Missing)?;
    let element = Elements::of(json).nth(index).ok_or(PropertyError::Missing)?;
    rest(element, part.rest, depth)
}

/// `name=="value")` and the like, behind `#(`.
fn queried(json: &[u8], query: &[u8], depth: usize) -> Result<Found, PropertyError> {
    let end = closing(query).ok_or(PropertyError::Unsupported)?;
    let (condition, after) = (&query[..end], &query[end + 1..]);
    let (all, after) = match after.strip_prefix(b"#") {
        Some(after) => (true, after),
        None => (false, after),
    };
    let (path, is_pipe) = match after.first() {
        None => (None, false),
        Some(b'.') => (Some(&after[1..]), false),
        Some(b'|') => (Some(&after[1..]), true),
        Some(_) => return Err(PropertyError::Unsupported),
    };
    let condition = Condition::read(condition).ok_or(PropertyError::Unsupported)?;
    let mut fitting = Vec::new();
    for element in Elements::of(json) {
        if condition.fits(element, depth)? {
            fitting.push(element);
            if !all {
                break;
            }
        }
    }
    if !all {
        return rest(fitting.first().ok_or(PropertyError::Missing)?, path, depth);
    }
    match path {
        None => Ok(array(fitting.into_iter())),
        Some(path) if is_pipe => get(&array(fitting.into_iter()), path, depth + 1),
        Some(path) => {
            let found: Vec<_> =
                fitting.iter().filter_map(|element| get(element, path, depth + 1).ok()).collect();
            Ok(array(found.iter().map(|found| found.as_slice())))
        }
    }
}

struct Condition<'p> {
    path: &'p [u8],
    operator: &'p [u8],
    value: Vec<u8>,
}

impl<'p> Condition<'p> {
    fn read(text: &'p [u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let at = text.iter().position(|byte| b"=!<>%".contains(byte));
        let Some(at) = at else {
            return (!text.contains(&b'#')).then_some(Self {
                path: text,
                operator: b"",
                value: Vec::new(),
            });
        };
        let operators: [&[u8]; 9] = [b"==", b"!=", b"<=", b">=", b"!%", b"=", b"<", b">", b"%"];
        let operator = operators.into_iter().find(|operator| text[at..].starts_with(operator))?;
        let value = text[at + operator.len()..].trim_ascii();
        let path = text[..at].trim_ascii();
        let value =
            if value.first() == Some(&b'"') { unquoted(value).to_vec() } else { value.to_vec() };
        (!path.contains(&b'#')).then_some(Self { path, operator, value })
    }

    fn fits(&self, element: &[u8], depth: usize) -> Result<bool, PropertyError> {
        let found = if self.path.is_empty() {
            Zeroizing::new(trimmed(element).to_vec())
        } else {
            match get(element, self.path, depth + 1) {
                Ok(found) => found,
                Err(PropertyError::Missing) => return Ok(false),
                Err(error) => return Err(error),
            }
        };
        let is_string = found.first() == Some(&b'"');
        let value = text(&found);
        let number = |bytes: &[u8]| str::from_utf8(bytes).ok()?.parse::<f64>().ok();
        let order = match (is_string, number(&value), number(&self.value)) {
            (false, Some(left), Some(right)) => left.partial_cmp(&right),
            _ => Some(value.as_slice().cmp(&self.value)),
        };
        Ok(match self.operator {
            b"" => true,
            b"=" | b"==" => order.is_some_and(std::cmp::Ordering::is_eq),
            b"!=" => order.is_some_and(std::cmp::Ordering::is_ne),
            b"<" => order.is_some_and(std::cmp::Ordering::is_lt),
            b"<=" => order.is_some_and(std::cmp::Ordering::is_le),
            b">" => order.is_some_and(std::cmp::Ordering::is_gt),
            b">=" => order.is_some_and(std::cmp::Ordering::is_ge),
            b"%" => is_string && wild(&value, &self.value),
            _ => is_string && !wild(&value, &self.value),
        })
    }
}

fn modified(json: &[u8], path: &[u8], depth: usize) -> Result<Found, PropertyError> {
    let end = path.iter().position(|byte| b".|:".contains(byte)).unwrap_or(path.len());
    let (name, after) = (&path[..end], &path[end..]);
    let path = match after.first() {
        None => None,
        Some(b':') => return Err(PropertyError::Unsupported),
        Some(_) => Some(&after[1..]),
    };
    let is_object = json.first() == Some(&b'{');
    let names = || Members::of(json).into_iter().flatten();
    let value = match name {
        b"@this" => Zeroizing::new(json.to_vec()),
        b"@valid" => {
            let valid: Result<serde::de::IgnoredAny, _> = serde_json::from_slice(json);
            valid.map_err(|_| PropertyError::Missing)?;
            Zeroizing::new(json.to_vec())
        }
        b"@keys" if is_object => array(names().map(|(name, _)| name)),
        b"@values" if is_object => array(names().map(|(_, value)| value)),
        b"@values" if json.first() == Some(&b'[') => Zeroizing::new(json.to_vec()),
        b"@reverse" if json.first() == Some(&b'[') => {
            let elements: Vec<_> = Elements::of(json).collect();
            array(elements.into_iter().rev())
        }
        b"@tostr" => {
            let text = Zeroizing::new(String::from_utf8_lossy(json).into_owned());
            Zeroizing::new(serde_json::to_vec(&*text).map_err(|_| PropertyError::Unsupported)?)
        }
        b"@fromstr" if json.first() == Some(&b'"') => unquoted(json),
        _ => return Err(PropertyError::Unsupported),
    };
    rest(&value, path, depth)
}

fn array<'e>(elements: impl Iterator<Item = &'e [u8]>) -> Found {
    let mut text = Zeroizing::new(vec![b'[']);
    for (index, element) in elements.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.extend_from_slice(element);
    }
    text.push(b']');
    text
}

/// What Go's `Result.String` gives.
fn text(value: &[u8]) -> Found {
    match value.first() {
        Some(b'"') => unquoted(value),
        Some(b'n') => Zeroizing::default(),
        Some(b'-' | b'0'..=b'9') => {
            let digits = value.strip_prefix(b"-").unwrap_or(value);
            if digits.iter().all(u8::is_ascii_digit) {
                return Zeroizing::new(value.to_vec());
            }
            let number = str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
            Zeroizing::new(number.unwrap_or_default().to_string().into_bytes())
        }
        _ => Zeroizing::new(value.to_vec()),
    }
}

/// One name of a path.
struct Part<'p> {
    /// Without the escapes, if it has no wildcards; else with them.
    name: Vec<u8>,
    is_wild: bool,
    rest: Option<&'p [u8]>,
    is_pipe: bool,
}

impl<'p> Part<'p> {
    fn read(path: &'p [u8]) -> Self {
        let (mut name, mut escaped) = (Vec::new(), Vec::new());
        let mut is_wild = false;
        let mut at = 0;
        while at < path.len() {
            match path[at] {
                separator @ (b'.' | b'|') => {
                    let name = if is_wild { escaped } else { name };
                    let rest = Some(&path[at + 1..]);
                    return Self { name, is_wild, rest, is_pipe: separator == b'|' };
                }
                b'\\' if at + 1 < path.len() => {
                    at += 1;
                    name.push(path[at]);
                    escaped.extend([b'\\', path[at]]);
                }
                byte => {
                    is_wild |= byte == b'*' || byte == b'?';
                    name.push(byte);
                    escaped.push(byte);
                }
            }
            at += 1;
        }
        Self { name: if is_wild { escaped } else { name }, is_wild, rest: None, is_pipe: false }
    }

    fn matches(&self, name: &[u8]) -> bool {
        if self.is_wild { wild(name, &self.name) } else { name == self.name }
    }
}

/// Whether a text fits a pattern with `*`, `?` and escapes.
fn wild(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        let literal = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, at));
                p += 1;
                continue;
            }
            Some(b'?') => Some(1),
            Some(b'\\') if pattern.get(p + 1) == Some(&text[at]) => Some(2),
            Some(byte) if *byte == text[at] && *byte != b'\\' => Some(1),
            _ => None,
        };
        match (literal, star) {
            (Some(len), _) => {
                p += len;
                at += 1;
            }
            (None, Some((before, from))) => {
                star = Some((before, from + 1));
                (p, at) = (before + 1, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// The place of the `)` or `]` that closes a query.
fn closing(query: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < query.len() {
        match query[at] {
            b'"' => at += string_len(&query[at..])?.saturating_sub(1),
            b'\\' => at += 1,
            b'(' | b'[' => depth += 1,
            b')' | b']' if depth == 0 => return Some(at),
            b')' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The members of an object: name (with its quotes) and value.
struct Members<'j>(&'j [u8]);

impl<'j> Members<'j> {
    fn of(json: &'j [u8]) -> Option<Self> {
        Some(Self(trimmed(json).strip_prefix(b"{")?))
    }
}

impl<'j> Iterator for Members<'j> {
    type Item = (&'j [u8], &'j [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let json = trimmed(self.0);
        let json = trimmed(json.strip_prefix(b",").unwrap_or(json));
        let len = string_len(json)?;
        let (name, after) = json.split_at(len);
        let after = trimmed(trimmed(after).strip_prefix(b":")?);
        let (value, after) = after.split_at(value_len(after)?);
        self.0 = after;
        Some((name, value))
    }
}

/// The elements of an array.
struct Elements<'j>(&'j [u8]);

impl<'j> Elements<'j> {
    fn of(json: &'j [u8]) -> Self {
        Self(trimmed(json).strip_prefix(b"[").unwrap_or_default())
    }
}

impl<'j> Iterator for Elements<'j> {
    type Item = &'j [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let json = trimmed(self.0);
        let json = trimmed(json.strip_prefix(b",").unwrap_or(json));
        let (value, after) = json.split_at(value_len(json)?);
        self.0 = after;
        Some(value)
    }
}

fn trimmed(json: &[u8]) -> &[u8] {
    json.trim_ascii_start()
}

/// The length of the string at the start, with its quotes.
fn string_len(json: &[u8]) -> Option<usize> {
    let inner = json.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        match inner.get(at)? {
            b'"' => return Some(at + 2),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The length of the value at the start.
fn value_len(json: &[u8]) -> Option<usize> {
    match json.first()? {
        b'"' => string_len(json),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0_usize, 0);
            loop {
                match json.get(at)? {
                    b'"' => at += string_len(&json[at..])? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
            }
        }
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            let end = json.iter().position(|byte| b",]} \t\r\n:".contains(byte));
            Some(end.unwrap_or(json.len()))
        }
        _ => None,
    }
}

/// A string without its quotes and escapes. What is no UTF-16 in escapes becomes U+FFFD.
fn unquoted(quoted: &[u8]) -> Found {
    let inner = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let mut plain = Zeroizing::new(Vec::with_capacity(inner.len()));
    let mut at = 0;
    while at < inner.len() {
        if inner[at] != b'\\' {
            plain.push(inner[at]);
            at += 1;
            continue;
        }
        at += 2;
        match inner.get(at - 1) {
            Some(b'b') => plain.push(8),
            Some(b'f') => plain.push(12),
            Some(b'n') => plain.push(b'\n'),
            Some(b'r') => plain.push(b'\r'),
            Some(b't') => plain.push(b'\t'),
            Some(b'u') => {
                let (c, read) = escaped(&inner[at..]);
                plain.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += read;
            }
            Some(byte) => plain.push(*byte),
            None => {}
        }
    }
    plain
}

/// The character behind `\u`, and how much of it was read.
fn escaped(digits: &[u8]) -> (char, usize) {
    let unit = |digits: &[u8]| u32::from_str_radix(str::from_utf8(digits.get(..4)?).ok()?, 16).ok();
    let Some(first) = unit(digits) else {
        return (char::REPLACEMENT_CHARACTER, digits.len().min(4));
    };
    if let (0xd800..=0xdbff, Some(next)) = (first, digits[4..].strip_prefix(b"\\u"))
        && let Some(second @ 0xdc00..=0xdfff) = unit(next)
    {
        let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#" {"user":"bob","port":5432,"ratio":1.50,"big":12345678901234567890,"exp":1e3,
        "on":true,"off":null,"nested":{"a":{"b":"deep"},"list":[1,"two",{"k":"v"},{"k":"w","n":2}]},
        "dotted.key":"dk","empty":"","uni":"\u00e9\ud83d\ude00","wild*":"w","user":"second"}"#;

    fn at(path: &str) -> Option<String> {
        let found = property(JSON.as_bytes(), path).ok()?;
        Some(String::from_utf8(found.to_vec()).unwrap())
    }

    /// Recorded, x02 to x08; the others by running gjson 1.18.
    #[test]
    fn paths_give_what_gjson_gives() {
        for (path, expected) in [
            ("user", "bob"),
            ("port", "5432"),
            ("ratio", "1.5"),
            ("big", "12345678901234567890"),
            ("exp", "1000"),
            ("on", "true"),
            ("off", ""),
            ("nested.a.b", "deep"),
            ("nested.a", r#"{"b":"deep"}"#),
            ("nested.list.1", "two"),
            ("nested.list.2.k", "v"),
            ("nested.list.#", "4"),
            ("nested.list.#.k", r#"["v","w"]"#),
            (r#"nested.list.#(k=="w").n"#, "2"),
            (r#"nested.list.#(k%"*").k"#, "v"),
            (r#"nested.list.#(k!="v")#.k"#, r#"["w"]"#),
            ("dotted.key", "dk"),
            (r"dotted\.key", "dk"),
            ("empty", ""),
            ("uni", "é😀"),
            ("us?r", "bob"),
            (r"wild\*", "w"),
            ("nested.a.@keys", r#"["b"]"#),
            ("nested.a|@values|0", "deep"),
            ("nested.list.@reverse.0.n", "2"),
        ] {
            assert_eq!(at(path).as_deref(), Some(expected), "{path}");
        }
        for path in ["nope", "user.x", "nested.list.9", "nested.list.x", ""] {
            assert_eq!(property(JSON.as_bytes(), path), Err(PropertyError::Missing), "{path}");
        }
        for path in ["{user,port}", "@pretty:{}", "!\"x\"", "@nope"] {
            assert_eq!(property(JSON.as_bytes(), path), Err(PropertyError::Unsupported), "{path}");
        }
    }

    /// Recorded, x15 and x16.
    #[test]
    fn what_is_not_json_has_no_parts() {
        for json in [r#"{"a":"#, "hunter2", "", "{", "[", "{\"a", "{\"a\":\"x", "\"a\"", "{\"a\":{"]
        {
            assert_eq!(property(json.as_bytes(), "a"), Err(PropertyError::Missing), "{json}");
            assert_eq!(members(json.as_bytes()), None, "{json}");
        }
    }

    /// Recorded, x17.
    #[test]
    fn members_stay_as_they_are_written() {
        let members = members(JSON.as_bytes()).unwrap();
        let value = |name: &str| {
            let (_, value) = members.iter().rfind(|(key, _)| key == name).unwrap();
            String::from_utf8(value.to_vec()).unwrap()
        };
        assert_eq!(value("ratio"), "1.50");
        assert_eq!(value("off"), "");
        assert_eq!(value("user"), "second");
        assert_eq!(value("nested")[..6], *"{\"a\":{");
    }
}
