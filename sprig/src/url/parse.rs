//! Parses a URL.

use std::net::Ipv6Addr;

use super::{
    escape::{Part, unescape},
    parts::{Url, User},
};

/// Returns `None` if Go rejects the URL.
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
        (url.user, url.host) = self::authority(&url.scheme, &authority[..end])?;
        path = &authority[end..];
    }
    url.path = unescape(path, Part::Path)?;
    Some(url)
}

/// The text before the first `mark`, and the text after it.
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

fn authority(scheme: &[u8], text: &[u8]) -> Option<(Option<User>, Vec<u8>)> {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else {
        return Some((None, host(scheme, text)?));
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
    Some((Some(User { name: unescape(name, Part::User)?, password }), host(scheme, host_text)?))
}

fn host(scheme: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    match text.iter().rposition(|byte| *byte == b'[') {
        Some(0) => return bracketed(text),
        Some(_) => return None,
        None => {}
    }
    // URLs of databases may list several hosts with ports, so only web schemes are checked.
    let is_web = matches!(scheme, b"http" | b"https");
    let is_colon = |byte: &u8| *byte == b':';
    let colon =
        if is_web { text.iter().position(is_colon) } else { text.iter().rposition(is_colon) };
    if is_port(&text[colon.unwrap_or(text.len())..]) { unescape(text, Part::Host) } else { None }
}

/// An IPv6 address in brackets. It may have a zone, in which more may be escaped.
fn bracketed(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|byte| *byte == b']')?;
    let (name, port) = (&text[1..end], &text[end + 1..]);
    let zone = name.windows(3).position(|escape| escape == b"%25").unwrap_or(name.len());
    let mut address = unescape(&name[..zone], Part::Host)?;
    let plain = str::from_utf8(&address).ok()?;
    let (plain, named) =
        plain.split_once('%').map_or((plain, true), |(a, zone)| (a, !zone.is_empty()));
    let zone = unescape(&name[zone..], Part::Zone)?;
    if !named || zone == b"%" || plain.parse::<Ipv6Addr>().is_err() || !is_port(port) {
        return None;
    }
    address.extend(zone);
    Some([b"[", &address[..], b"]", port].concat())
}

/// Whether it is empty, or a colon and any number of digits.
fn is_port(text: &[u8]) -> bool {
    text.split_first()
        .is_none_or(|(first, digits)| *first == b':' && digits.iter().all(u8::is_ascii_digit))
}
