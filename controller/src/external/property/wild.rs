//! Names and patterns: `*` stands for any letters, `?` for one, `\` takes the meaning off what follows.
//!
//! Go's matcher gives up on patterns that make it try too much, and says no. This one need not, and
//! says whether it fits; where it is to spend too much, that is an error.

use super::{PropertyError, limits::Work, text};

enum Piece {
    Any,
    One,
    Letter(char),
}

/// Whether a text fits a pattern.
pub(super) fn fits(text: &[u8], pattern: &[u8], work: &Work) -> Result<bool, PropertyError> {
    work.spend(pattern.len())?;
    let Some(pieces) = pieces(pattern) else { return Ok(false) };
    let (mut at, mut piece) = (0, 0);
    // Behind the last `*`, and where in the text it was tried last.
    let mut star = None;
    loop {
        work.spend(1)?;
        let (letter, len) = text::rune(&text[at..]);
        let is_fit = match pieces.get(piece) {
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
        if is_fit {
            piece += 1;
            at += len;
            continue;
        }
        let Some((behind, tried)) = star else { return Ok(false) };
        let next = tried + text::rune(&text[tried..]).1;
        star = Some((behind, next));
        (piece, at) = (behind, next);
    }
}

/// A pattern's pieces; none if nothing fits it.
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
                // At the end it stands for itself, but only behind a star.
                None if has_star => Piece::Letter('\\'),
                None => return None,
            },
            letter => Piece::Letter(letter),
        });
    }
    Some(pieces)
}
