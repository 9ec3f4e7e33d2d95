//! Patterns: `*` matches any characters, `?` matches one, `\` escapes the next.
//!
//! Go's matcher gives up on patterns that need too much backtracking and reports no match. This one
//! always finds the answer, or fails once the work budget is spent.

use crate::{error::Error, limits::Work, text};

enum Piece {
    Any,
    One,
    Letter(char),
}

/// Whether a text matches a pattern.
pub(crate) fn matches(text: &[u8], pattern: &[u8], work: &Work) -> Result<bool, Error> {
    work.spend(pattern.len())?;
    let Some(pieces) = pieces(pattern) else { return Ok(false) };
    let (mut at, mut piece) = (0, 0);
    // The piece after the last `*`, and the text position of its last attempt.
    let mut star = None;
    loop {
        work.spend(1)?;
        let (letter, len) = text::rune(&text[at..]);
        let is_match = match pieces.get(piece) {
            Some(Piece::Any) => {
                piece += 1;
                star = Some((piece, at));
                continue;
            }
            None if at == text.len() => return Ok(true),
            None => false,
            Some(_) if at == text.len() => return Ok(false),
            Some(Piece::One) => true,
            Some(Piece::Letter(wanted)) => *wanted == letter,
        };
        if is_match {
            piece += 1;
            at += len;
            continue;
        }
        let Some((after, tried)) = star else { return Ok(false) };
        let next = tried + text::rune(&text[tried..]).1;
        star = Some((after, next));
        (piece, at) = (after, next);
    }
}

/// The pieces of a pattern, or `None` if nothing can match it.
fn pieces(pattern: &[u8]) -> Option<Vec<Piece>> {
    let mut letters = text::runes(pattern);
    let mut pieces = Vec::new();
    let mut has_star = false;
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '*' => {
                has_star = true;
                Piece::Any
            }
            '?' => Piece::One,
            '\\' => match letters.next() {
                Some(letter) => Piece::Letter(letter),
                // A trailing backslash stands for itself, but only after a star.
                None if has_star => Piece::Letter('\\'),
                None => return None,
            },
            letter => Piece::Letter(letter),
        });
    }
    Some(pieces)
}
