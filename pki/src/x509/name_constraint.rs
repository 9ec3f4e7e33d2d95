//! `nameConstraints` (RFC 5280 §4.2.1.10).

use std::net::IpAddr;

use super::alternative_name::{DNS, EMAIL, IP, URI, is_domain};
use crate::der::{Reader, constructed};

/// Checks the extension's value.
pub(super) fn check(mut value: Reader<'_>) -> Option<()> {
    let mut fields = value.sequence()?;
    let permitted = fields.optional(constructed(0))?;
    let excluded = fields.optional(constructed(1))?;
    if !value.is_empty() || !fields.is_empty() || permitted.is_empty() && excluded.is_empty() {
        return None;
    }
    for subtrees in [permitted, excluded] {
        let mut subtrees = Reader::new(subtrees);
        while !subtrees.is_empty() {
            check_subtree(&mut subtrees)?;
        }
    }
    Some(())
}

fn check_subtree(subtrees: &mut Reader<'_>) -> Option<()> {
    let base = subtrees.sequence()?.element()?;
    let is_ascii = base.content.is_ascii();
    let is_valid = match base.tag {
        IP => {
            matches!(base.content.len(), 8 | 32) && is_mask(&base.content[base.content.len() / 2..])
        }
        EMAIL if base.content.contains(&b'@') => is_ascii && is_mailbox(base.content),
        DNS | EMAIL => is_ascii && is_domain_or_below(base.content),
        URI => {
            let text = str::from_utf8(base.content).unwrap_or_default();
            is_ascii && text.parse::<IpAddr>().is_err() && is_domain_or_below(base.content)
        }
        _ => true,
    };
    is_valid.then_some(())
}

/// A domain, or a dot and a domain for all names below it.
fn is_domain_or_below(name: &[u8]) -> bool {
    match name.strip_prefix(b".") {
        Some(below) => !below.is_empty() && is_domain(below),
        None => is_domain(name),
    }
}

/// Ones followed by zeros.
fn is_mask(mask: &[u8]) -> bool {
    let ones = mask.iter().take_while(|byte| **byte == 0xff).count();
    let mut rest = mask[ones..].iter();
    rest.next().is_none_or(|byte| byte.leading_ones() + byte.trailing_zeros() == 8)
        && rest.all(|byte| *byte == 0)
}

/// `local@domain`. The local part is quoted, or atoms with dots between (RFC 2821 §4.1.2).
fn is_mailbox(text: &[u8]) -> bool {
    let Some(at) = text.iter().rposition(|byte| *byte == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let is_local = match local.strip_prefix(b"\"") {
        Some(quoted) => quoted.strip_suffix(b"\"").is_some_and(|inner| !inner.contains(&b'"')),
        None => local.split(|byte| *byte == b'.').all(|atom| {
            let is_atom = |c: &u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(c);
            !atom.is_empty() && atom.iter().all(is_atom)
        }),
    };
    is_local && !domain.is_empty() && is_domain(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_ones_followed_by_zeros() {
        assert!(is_mask(&[0xff, 0xf0, 0]) && is_mask(&[0, 0]) && is_mask(&[0xff, 0xff]));
        assert!(!is_mask(&[0xf0, 0xf0]) && !is_mask(&[0xf1]) && !is_mask(&[0, 1]));
    }

    #[test]
    fn mailboxes_have_a_local_part_and_a_domain() {
        assert!(is_mailbox(b"a.b@c.d") && is_mailbox(b"\"a b\"@c"));
        assert!(!is_mailbox(b"a..b@c") && !is_mailbox(b"a@") && !is_mailbox(b"@c"));
    }

    #[test]
    fn leading_dot_stands_for_all_names_below() {
        assert!(
            is_domain_or_below(b".a.b") && is_domain_or_below(b"a.b") && is_domain_or_below(b"")
        );
        assert!(!is_domain_or_below(b"a..b") && !is_domain_or_below(b"a."));
    }
}
