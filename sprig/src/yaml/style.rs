//! The style of a string: as plain as possible (libyaml's `analyze_scalar`, go-yaml's `stringv`).

use super::scalar::{Scalar, is_sexagesimal, resolve};

/// The styles of YAML.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// The style of a string. A key is on one line.
pub(super) fn style(text: &str, is_key: bool) -> Style {
    let can_be_plain = matches!(resolve(text), Scalar::Text(_)) && !is_sexagesimal(text);
    let form = Form::of(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if can_be_plain {
        Style::Plain
    } else {
        Style::Double
    };
    let wanted = if is_key && form.has_breaks { Style::Double } else { wanted };
    match wanted {
        Style::Plain if !form.plain => {
            if form.single {
                Style::Single
            } else {
                Style::Double
            }
        }
        Style::Literal if !form.block || is_key => Style::Double,
        wanted => wanted,
    }
}

/// The possible styles of a text.
struct Form {
    has_breaks: bool,
    plain: bool,
    single: bool,
    block: bool,
}

impl Form {
    fn of(text: &str) -> Self {
        let is_blank = |c: char| matches!(c, ' ' | '\t');
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut has_breaks) = (false, false);
        let (mut space_break, mut break_space) = (false, false);
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_follows = chars.peek().is_none_or(|c| is_blank(*c));
            indicators |= match c {
                '#' => before.is_none_or(|c| is_break(c) || is_blank(c)),
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => before.is_none(),
                '?' | '-' => before.is_none() && blank_follows,
                ':' => blank_follows,
                _ => false,
            };
            special |= !is_printable(c);
            has_breaks |= is_break(c);
            break_space |= c == ' ' && before.is_some_and(is_break);
            space_break |= is_break(c) && before == Some(' ');
            before = Some(c);
        }
        let is_edge = |c: char| c == ' ' || is_break(c);
        let has_edges = text.starts_with(is_edge) || text.ends_with(is_edge);
        let unspeakable = space_break || special;
        Self {
            has_breaks,
            plain: !has_edges && !break_space && !unspeakable && !has_breaks && !indicators,
            single: !break_space && !unspeakable,
            block: !text.ends_with(' ') && !unspeakable,
        }
    }
}

/// Characters that go-yaml treats as the end of a line.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
        && c != '\u{feff}'
        // go-yaml checks only the first byte of a four-byte character, and rejects it.
        && u32::from(c) < 0x1_0000
}
