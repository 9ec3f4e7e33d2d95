//! Versions and their order of precedence.

use std::{cmp::Ordering, fmt};

/// A version. The missing parts of `1` or `1.2` are zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Version {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) prerelease: String,
    pub(crate) metadata: String,
    /// The original text.
    pub(crate) original: String,
    /// Whether it is a `*semver.Version`, as the function `semver` returns. Methods return a
    /// `semver.Version`, which lacks some methods.
    pub(crate) is_pointer: bool,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (rest, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, prerelease) = rest.split_once('-').unwrap_or((rest, ""));
        let has = |mark: char, part: &str| part.is_empty() != text.contains(mark);
        let marked = has('+', metadata) && (has('-', prerelease) || !rest.contains('-'));
        let segments = |part: &str, check: fn(&str) -> bool| {
            part.is_empty() || part.split('.').all(|segment| !segment.is_empty() && check(segment))
        };
        let is_word =
            |segment: &str| segment.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let is_identifier = |segment: &str| {
            segment.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
                && !(is_number(segment) && segment.len() > 1 && segment.starts_with('0'))
        };
        if !marked || (rest.contains('-') && prerelease.is_empty()) {
            return None;
        }
        if !segments(prerelease, is_identifier) || !segments(metadata, is_word) {
            return None;
        }
        let mut parts = numbers.strip_prefix('v').unwrap_or(numbers).split('.');
        let mut number = |default: Option<u64>| match parts.next() {
            Some(part) if is_number(part) => part.parse().ok(),
            Some(_) => None,
            None => default,
        };
        let (major, minor, patch) = (number(None)?, number(Some(0))?, number(Some(0))?);
        if parts.next().is_some() {
            return None;
        }
        let (prerelease, metadata) = (prerelease.to_owned(), metadata.to_owned());
        Some(Self {
            major,
            minor,
            patch,
            prerelease,
            metadata,
            original: text.to_owned(),
            is_pointer: true,
        })
    }

    /// The order of precedence. Metadata does not count.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }

    /// A version with these numbers, without prerelease and metadata.
    pub(crate) fn with_numbers(&self, major: u64, minor: u64, patch: u64) -> Self {
        let v = if self.original.starts_with('v') { "v" } else { "" };
        let original = format!("{v}{major}.{minor}.{patch}");
        let (prerelease, metadata) = (String::new(), String::new());
        Self { major, minor, patch, prerelease, metadata, original, is_pointer: false }
    }

    /// Version 0.0.0, of the same type.
    pub(crate) fn emptied(&self) -> Self {
        Self { is_pointer: self.is_pointer, ..Self::default() }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares prereleases. A release is above its prereleases, and numbers are below words.
pub(crate) fn compare_prereleases(first: &str, other: &str) -> Ordering {
    match (first.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut first, mut other) = (first.split('.'), other.split('.'));
    loop {
        let order = match (first.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}
