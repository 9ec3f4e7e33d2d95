//! Builds a tree from tokens.

mod nodes;
mod pipeline;
mod state;

use self::state::Parser;
use super::{lexer::tokens, tree::Trees};
use crate::{dialect::Dialect, error::ParseErrorKind, limits::Meter};

/// The templates that `text` defines. Its own body is the one called `name`.
///
/// An error comes with the offset of the token at which the parser noticed it.
pub(crate) fn parse(
    meter: &mut Meter<'_>,
    name: &str,
    text: &str,
    dialect: &Dialect,
) -> Result<Trees, (usize, ParseErrorKind)> {
    let tokens = tokens(meter, text, dialect.delimiters());
    let mut parser = Parser::new(text, &tokens, dialect);
    match parser.file(name) {
        Ok(()) => Ok(parser.trees),
        Err(kind) => Err((parser.previous().at.start, kind)),
    }
}
