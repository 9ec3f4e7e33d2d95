//! The paths in code: in `use` declarations, expressions and types.

use super::rust::{Placed, Token};

/// A path such as `crate::a::B`, without what follows `::<`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CodePath {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    /// The modules of this file that contain it.
    pub(super) inside: Vec<String>,
}

/// All paths of two segments or more, and all paths in `use` declarations.
pub(super) fn paths(tokens: &[Placed]) -> Vec<CodePath> {
    let mut reader = Reader { tokens, found: Vec::new(), inside: Vec::new(), depth: 0 };
    let mut at = 0;
    while at < tokens.len() {
        at = reader.step(at);
    }
    reader.found
}

/// The modules that a file declares in separate files.
pub(super) fn declared_modules(tokens: &[Placed]) -> Vec<String> {
    let declarations = tokens.windows(3).filter_map(|window| match window {
        [(Token::Word(keyword), _), (Token::Word(name), _), (end, _)]
            if keyword == "mod" && end.is(';') =>
        {
            Some(name.clone())
        }
        _ => None,
    });
    declarations.collect()
}

struct Reader<'a> {
    tokens: &'a [Placed],
    found: Vec<CodePath>,
    /// The enclosing modules, with the depth of their braces.
    inside: Vec<(String, usize)>,
    depth: usize,
}

impl Reader<'_> {
    fn token(&self, at: usize) -> Option<&Token> {
        self.tokens.get(at).map(|(token, _)| token)
    }

    fn word(&self, at: usize) -> Option<&str> {
        self.token(at).and_then(Token::word)
    }

    fn step(&mut self, at: usize) -> usize {
        match self.token(at) {
            Some(Token::Punctuation('{')) => self.depth += 1,
            Some(Token::Punctuation('}')) => {
                self.depth = self.depth.saturating_sub(1);
                self.inside.retain(|(_, depth)| *depth <= self.depth);
            }
            Some(Token::Word(word)) if word == "mod" => {
                let is_block = self.token(at + 2).is_some_and(|token| token.is('{'));
                if let (Some(name), true) = (self.word(at + 1), is_block) {
                    self.inside.push((name.to_owned(), self.depth + 1));
                }
            }
            Some(Token::Word(word)) if word == "use" => return self.tree(at + 1, &[]),
            Some(Token::Word(_)) if self.token(at + 1) == Some(&Token::PathSeparator) => {
                let before = at.checked_sub(1).and_then(|before| self.token(before));
                let is_continued = before.is_some_and(|token| token.is('.'))
                    || before == Some(&Token::PathSeparator);
                // `pub(in crate::a)` names a module without using it.
                let is_visibility = before.and_then(Token::word) == Some("in")
                    && at
                        .checked_sub(2)
                        .and_then(|open| self.token(open))
                        .is_some_and(|t| t.is('('));
                if !is_continued && !is_visibility {
                    return self.tree(at, &[]);
                }
            }
            _ => {}
        }
        at + 1
    }

    /// Reads a path, or a tree of paths with this prefix; returns the position after it.
    fn tree(&mut self, start: usize, prefix: &[String]) -> usize {
        let mut segments = prefix.to_vec();
        let mut at = start;
        loop {
            if self.token(at).is_some_and(|token| token.is('{')) {
                return self.group(at + 1, &segments);
            }
            match self.token(at) {
                Some(Token::Word(word)) => segments.push(word.clone()),
                Some(Token::Punctuation('*')) => segments.push("*".to_owned()),
                _ => break,
            }
            at += 1;
            if self.token(at) != Some(&Token::PathSeparator) {
                break;
            }
            at += 1;
        }
        if segments.len() > prefix.len() {
            let line = self.tokens.get(start).map_or(0, |(_, line)| *line);
            let inside = self.inside.iter().map(|(name, _)| name.clone()).collect();
            self.found.push(CodePath { segments, line, inside });
        }
        at.max(start + 1)
    }

    fn group(&mut self, start: usize, prefix: &[String]) -> usize {
        let mut at = start;
        while let Some(token) = self.token(at) {
            if token.is('}') {
                return at + 1;
            }
            if token.is(',') {
                at += 1;
            } else if self.word(at) == Some("as") {
                at += 2;
            } else {
                at = self.tree(at, prefix);
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::super::rust::lex;
    use super::*;

    fn found(text: &str) -> Vec<String> {
        paths(&lex(text).tokens).iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn groups_over_lines_are_taken_apart() {
        let text = "use crate::{\n    a::{self, B as C},\n    d,\n};\npub(crate) use super::e::*;";
        let expected = ["crate::a::self", "crate::a::B", "crate::d", "super::e::*"];
        assert_eq!(found(text), expected);
        let lines: Vec<_> = paths(&lex(text).tokens).iter().map(|path| path.line).collect();
        assert_eq!(lines, [2, 2, 3, 5]);
    }

    #[test]
    fn paths_in_code_are_found() {
        let text = "fn a(b: crate::c::D) { e.f::<G>(); crate::h::i::<J>(k::l::m); }";
        assert_eq!(found(text), ["crate::c::D", "crate::h::i", "k::l::m"]);
        assert_eq!(found("pub(crate) struct A;"), Vec::<String>::new());
        assert_eq!(found("pub(in crate::a) struct A;"), Vec::<String>::new());
        assert_eq!(found("for a in crate::b::c() {}"), ["crate::b::c"]);
    }

    #[test]
    fn paths_know_the_module_they_stand_in() {
        let paths = paths(&lex("mod a { use super::b; } use super::c;").tokens);
        assert_eq!(paths[0].inside, ["a"]);
        assert_eq!(paths[1].inside, Vec::<String>::new());
    }

    #[test]
    fn declared_modules_are_those_with_a_file() {
        assert_eq!(declared_modules(&lex("mod a; pub(crate) mod b; mod c {}").tokens), ["a", "b"]);
    }
}
