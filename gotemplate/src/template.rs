//! A parsed template.

use zeroize::Zeroizing;

use crate::{
    dialect::Dialect,
    error::{ParseError, ParseErrorKind},
    limits::{Limits, Meter},
    syntax::{Trees, parse},
};

/// A template, ready to render. Threads may share it.
#[derive(Debug)]
pub struct Template {
    pub(crate) name: Box<str>,
    pub(crate) trees: Trees,
    pub(crate) missing_key_fails: bool,
    text: Box<str>,
}

/// The result of a rendering.
pub struct Rendered {
    /// The output. It need not be UTF-8, and is wiped when dropped.
    pub output: Zeroizing<Vec<u8>>,
    /// Whether the template called a function whose value differs each time.
    pub non_deterministic: bool,
}

/// The longest text of a template, in bytes: no object in Kubernetes contains more.
const MAX_TEMPLATE_BYTES: usize = 1 << 20;

impl Template {
    /// Reads a template. Other templates of the text may call it by its name.
    pub fn parse(name: &str, text: &str, dialect: &Dialect) -> Result<Self, ParseError> {
        Self::parse_within(&mut Meter::new(Limits::default(), &|| false), name, text, dialect)
    }

    /// Reads a template. Charges the meter for its tree.
    pub fn parse_within(
        meter: &mut Meter<'_>,
        name: &str,
        text: &str,
        dialect: &Dialect,
    ) -> Result<Self, ParseError> {
        let raise = |at, kind| {
            let (line, column) = position(text, at);
            ParseError { line, column, kind }
        };
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(raise(0, ParseErrorKind::TooLarge));
        }
        let trees = parse(meter, name, text, dialect).map_err(|(at, kind)| raise(at, kind))?;
        let missing_key_fails = dialect.missing_key_fails();
        Ok(Self { name: name.into(), trees, missing_key_fails, text: text.into() })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// The line and the character in it, both from 1, of a byte of the text.
pub(crate) fn position(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}
