//! From a text to a URL.

use std::net::Ipv6Addr;

use super::{
    Url, User,
    escape::{Part, unescape},
};

/// None where Go finds it malformed.
pub(crate) fn parse(text: &[u8]) -> Option<Url> {
    if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return None;
    }
    let mut url = Url::default();
    let (text, fragment) = cut(text, b'#');
    url.fragment = unescape(fragment.unwrap_or_default(), Part::Fragment)?;
    if text == b"*" {
        url.path = text.to_vec();
        return Some(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = cut(rest, b'?');
    url.query = query.unwrap_or_default().to_vec();
    if !rest.starts_with(b"/") {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Some(url);
        }
        if cut(rest, b'/').0.contains(&b':') {
            return None;
        }
    }
    let mut path = rest;
    let may_have_authority = !url.scheme.is_empty() || !rest.starts_with(b"///");
    if may_have_authority && let Some(authority) = rest.strip_prefix(b"//") {
        let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
        (url.user, url.host) = self::authority(&authority[..end])?;
        path = &authority[end..];
    }
    url.path = unescape(path, Part::Path)?;
    Some(url)
}

/// What stands before the first `mark`, and what behind it.
fn cut(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == mark) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => return Some((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Some((b"", text))
}

fn authority(text: &[u8]) -> Option<(Option<User>, Vec<u8>)> {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else {
        return Some((None, host(text)?));
    };
    let (info, host_text) = (&text[..at], &text[at + 1..]);
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !info.iter().all(is_valid) {
        return None;
    }
    let (name, password) = cut(info, b':');
    let password = match password {
        Some(password) => Some(unescape(password, Part::User)?),
        None => None,
    };
    Some((Some(User { name: unescape(name, Part::User)?, password }), host(host_text)?))
}

fn host(text: &[u8]) -> Option<Vec<u8>> {
    let port = if text.starts_with(b"[") {
        let end = text.iter().rposition(|byte| *byte == b']')?;
        let (address, _zone) = cut(&text[1..end], b'%');
        str::from_utf8(address).ok()?.parse::<Ipv6Addr>().ok()?;
        &text[end + 1..]
    } else {
        let colon = text.iter().position(|byte| *byte == b':');
        colon.map_or(&[][..], |at| &text[at..])
    };
    let is_port = match port.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    };
    if is_port { unescape(text, Part::Host) } else { None }
}
