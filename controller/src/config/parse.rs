//! Parsers of flag values. The errors complete "invalid value '…' for '--flag':".

use std::net::SocketAddr;

use jiff::SignedDuration;

use crate::target::policy::HELM_RELEASE_TYPE;

/// `HOST:PORT`, or `:PORT` for all addresses of IPv4 and IPv6, as in Go programs.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    full.parse().map_err(|_| "not an address such as :8080 or 127.0.0.1:8080")
}

/// True or false in the spellings of Go programs.
pub(super) fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("not true or false"),
    }
}

pub(super) fn parse_number(text: &str) -> Result<f64, &'static str> {
    text.parse().map_err(|_| "not a number")
}

/// A duration in Go's notation, such as `720h` or `1h30m`.
pub(super) fn parse_duration(text: &str) -> Result<SignedDuration, &'static str> {
    let positive = text.parse().ok().filter(SignedDuration::is_positive);
    positive.ok_or("not a duration above zero, such as 720h or 1h30m")
}

/// A label of RFC 1123, as names of namespaces are. Lists have blanks around names, and empty names
/// if unset.
pub(super) fn parse_namespace(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    let has_valid_ends = !name.starts_with('-') && !name.ends_with('-');
    (has_valid_ends && name.len() <= 63 && has_name_letters(name))
        .then(|| name.to_owned())
        .ok_or("not a valid namespace: use at most 63 lower-case letters, digits and `-`")
}

/// A name of RFC 1123 with dots, as most objects have.
pub(super) fn parse_object_name(text: &str) -> Result<String, &'static str> {
    let has_valid_ends =
        |part: &str| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-');
    (text.len() <= 253 && text.split('.').all(has_valid_ends) && has_name_letters_or_dots(text))
        .then(|| text.to_owned())
        .ok_or("not a valid name: use lower-case letters, digits, `-` and `.`")
}

pub(super) fn parse_secret_type(text: &str) -> Result<String, &'static str> {
    let is_allowed = text != HELM_RELEASE_TYPE;
    is_allowed.then(|| text.to_owned()).ok_or("the controller writes no releases of Helm")
}

pub(super) fn parse_delimiter(text: &str) -> Result<String, &'static str> {
    let is_valid = !text.is_empty() && text.len() <= 16 && !text.contains(char::is_whitespace);
    is_valid.then(|| text.to_owned()).ok_or("not 1 to 16 characters without blanks")
}

pub(super) fn parse_key_size(text: &str) -> Result<usize, &'static str> {
    let bits = text.parse().ok().filter(|bits| [2048, 3072, 4096, 8192].contains(bits));
    bits.ok_or("not one of 2048, 3072, 4096 and 8192")
}

pub(super) fn parse_workers(text: &str) -> Result<usize, &'static str> {
    let workers = text.parse().ok().filter(|workers| (1..=1024).contains(workers));
    workers.ok_or("not a number from 1 to 1024")
}

/// Kubernetes appends five letters to the prefix, and names have at most 253.
pub(super) fn parse_prefix(text: &str) -> Result<String, &'static str> {
    let has_valid_start = !text.is_empty() && !text.starts_with('-');
    (has_valid_start && text.len() <= 245 && has_name_letters(text))
        .then(|| text.to_owned())
        .ok_or("not a valid prefix of a name: use at most 245 lower-case letters, digits and `-`")
}

pub(super) fn has_name_letters_or_dots(name: &str) -> bool {
    has_name_letters(&name.replace('.', ""))
}

pub(super) fn has_name_letters(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
