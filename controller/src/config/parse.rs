//! Parsers of flag values. The errors complete "invalid value '…' for '--flag':".

use std::net::SocketAddr;

use jiff::SignedDuration;

/// `HOST:PORT`, or `:PORT` for all addresses, as Go programs read it.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    full.parse().map_err(|_| "not an address such as :8080 or 127.0.0.1:8080".to_owned())
}

/// A duration in Go's notation, such as `720h` or `1h30m`.
pub(super) fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let parsed: Result<SignedDuration, _> = text.parse();
    let positive = parsed.ok().filter(SignedDuration::is_positive);
    positive.ok_or_else(|| "not a duration above zero, such as 720h or 1h30m".to_owned())
}

/// A label of RFC 1123, as names of namespaces are. Lists have blanks around names, and empty names
/// if unset.
pub(super) fn parse_namespace(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_alphanumeric = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_valid = |letter| is_alphanumeric(letter) || letter == b'-';
    let has_valid_ends = [name.bytes().next(), name.bytes().last()]
        .iter()
        .all(|end| end.is_some_and(is_alphanumeric));
    if name.is_empty() || has_valid_ends && name.len() <= 63 && name.bytes().all(is_valid) {
        Ok(name.to_owned())
    } else {
        Err("not a valid namespace: use at most 63 lower-case letters, digits and `-`".to_owned())
    }
}

pub(super) fn parse_delimiter(text: &str) -> Result<String, String> {
    let is_valid = !text.is_empty() && text.len() <= 16 && !text.contains(char::is_whitespace);
    is_valid
        .then(|| text.to_owned())
        .ok_or_else(|| "not 1 to 16 characters without blanks".to_owned())
}

pub(super) fn parse_key_size(text: &str) -> Result<usize, String> {
    let bits = text.parse().ok().filter(|bits| [2048, 3072, 4096, 8192].contains(bits));
    bits.ok_or_else(|| "not one of 2048, 3072, 4096 and 8192".to_owned())
}

pub(super) fn parse_workers(text: &str) -> Result<usize, String> {
    let workers = text.parse().ok().filter(|workers| (1..=1024).contains(workers));
    workers.ok_or_else(|| "not a number from 1 to 1024".to_owned())
}

/// Kubernetes appends five letters to the prefix, and names have at most 253.
pub(super) fn parse_prefix(text: &str) -> Result<String, String> {
    let is_valid =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
    let has_valid_start = text.bytes().next().is_some_and(|first| first != b'-');
    if has_valid_start && text.len() <= 245 && text.bytes().all(is_valid) {
        Ok(text.to_owned())
    } else {
        Err("not a valid prefix of a name: use at most 245 lower-case letters, digits and `-`"
            .to_owned())
    }
}
