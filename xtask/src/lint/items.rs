//! Attributes and their items: which code is only for tests, and the names of tests.

use super::rust::{Placed, Source, Token};

/// A Rust file with its tests.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    /// The tokens of the product.
    pub(super) product: Vec<Placed>,
    /// The first and the last line of items that are compiled for tests only.
    tests: Vec<(usize, usize)>,
    /// The names of test functions, with their lines.
    pub(super) test_names: Vec<(String, usize)>,
}

impl Items {
    pub(super) fn read(source: &Source) -> Items {
        let mut items = Items::default();
        let tokens = &source.tokens;
        let mut at = 0;
        while at < tokens.len() {
            let Some((end, attribute, is_inner)) = attribute(tokens, at) else {
                items.product.push(tokens[at].clone());
                at += 1;
                continue;
            };
            if is_test_function(attribute) {
                items.test_names.extend(function_name(&tokens[end..]));
            }
            if is_for_tests(attribute) {
                let last = if is_inner { tokens.len() } else { end_of_item(tokens, end) };
                let line = |at: usize| tokens.get(at).map_or(usize::MAX, |(_, line)| *line);
                items.tests.push((line(at), line(last - 1)));
                items.test_names.extend(test_names(&tokens[end..last]));
                at = last;
            } else {
                items.product.extend_from_slice(&tokens[at..end]);
                at = end;
            }
        }
        items
    }

    /// Whether the line is part of an item that is compiled for tests only.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }
}

fn test_names(tokens: &[Placed]) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        if let Some((end, attribute, _)) = attribute(tokens, at)
            && is_test_function(attribute)
        {
            names.extend(function_name(&tokens[end..]));
        }
    }
    names
}

/// The end and the content of the attribute that starts here, and whether it applies to the whole
/// file.
fn attribute(tokens: &[Placed], at: usize) -> Option<(usize, &[Placed], bool)> {
    let is = |at: usize, character| tokens.get(at).is_some_and(|(token, _)| token.is(character));
    let is_inner = is(at + 1, '!');
    let open = if is_inner { at + 2 } else { at + 1 };
    if !is(at, '#') || !is(open, '[') {
        return None;
    }
    let end = closing(tokens, open)? + 1;
    Some((end, &tokens[open + 1..end - 1], is_inner))
}

/// `cfg(test)`, `cfg(any(test, …))` and `cfg(all(test, …))`.
fn is_for_tests(attribute: &[Placed]) -> bool {
    let words: Vec<_> = attribute.iter().filter_map(|(token, _)| token.word()).collect();
    words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not")
}

/// `test` and such as `tokio::test(start_paused = true)`.
fn is_test_function(attribute: &[Placed]) -> bool {
    let path = attribute.iter().take_while(|(token, _)| !token.is('('));
    path.last().is_some_and(|(token, _)| token.word() == Some("test"))
}

fn function_name(tokens: &[Placed]) -> Option<(String, usize)> {
    let at = tokens.iter().position(|(token, _)| token.word() == Some("fn"))?;
    let (name, line) = tokens.get(at + 1)?;
    Some((name.word()?.to_owned(), *line))
}

/// The position after the item, field or statement that starts here.
fn end_of_item(tokens: &[Placed], start: usize) -> usize {
    let mut at = start;
    while let Some((end, ..)) = attribute(tokens, at) {
        at = end;
    }
    let keywords = ["use", "static", "const", "type", "let"];
    let blocks = ["fn", "mod", "struct", "enum", "union", "trait", "impl", "macro_rules"];
    let first =
        tokens[at..].iter().filter_map(|(token, _)| token.word()).take(6).collect::<Vec<_>>();
    let is_block = first.iter().any(|word| blocks.contains(word));
    let is_statement = !is_block && first.iter().any(|word| keywords.contains(word));
    while at < tokens.len() {
        match &tokens[at].0 {
            Token::Punctuation(';') => return at + 1,
            Token::Punctuation(',') if !is_block && !is_statement => return at + 1,
            Token::Punctuation('}' | ')' | ']') => return at,
            Token::Punctuation(open @ ('{' | '(' | '[')) => {
                let Some(end) = closing(tokens, at) else { return tokens.len() };
                at = end;
                if *open == '{' && !is_statement {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// The bracket that closes the one at this position.
pub(super) fn closing(tokens: &[Placed], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, (token, _)) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Punctuation('{' | '(' | '[') => depth += 1,
            Token::Punctuation('}' | ')' | ']') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::rust::lex;
    use super::*;

    fn read(text: &str) -> (Vec<String>, Items) {
        let items = Items::read(&lex(text));
        let words = items.product.iter().filter_map(|(token, _)| token.word().map(str::to_owned));
        (words.collect(), items)
    }

    #[test]
    fn test_modules_are_no_product() {
        let text =
            "use a;\n#[cfg(test)]\nmod tests {\n use b;\n #[test]\n fn works() {}\n}\nuse c;";
        let (words, items) = read(text);
        assert_eq!(words, ["use", "a", "use", "c"]);
        assert!(items.is_test(4) && !items.is_test(8));
        assert_eq!(items.test_names, [("works".to_owned(), 6)]);
    }

    #[test]
    fn test_items_of_one_statement_end_at_the_semicolon() {
        assert_eq!(read("#[cfg(test)] use a::{b, c}; d").0, ["d"]);
        assert_eq!(read("#[cfg(test)] mod tests; d").0, ["d"]);
        assert_eq!(
            read("#[cfg(any(test, feature = \"x\"))] pub(crate) fn a<T, U>() { b } d").0,
            ["d"]
        );
        assert_eq!(read("struct A { #[cfg(test)] a: u8, b: u8 }").0, ["struct", "A", "b", "u8"]);
    }

    #[test]
    fn code_for_anything_but_tests_is_product() {
        assert_eq!(read("#[cfg(not(test))] use a;").0, ["cfg", "not", "test", "use", "a"]);
    }

    #[test]
    fn test_functions_of_any_runtime_are_found() {
        let (_, items) =
            read("#[tokio::test(start_paused = true)]\nasync fn one() {}\n#[test] fn two() {}");
        assert_eq!(items.test_names, [("one".to_owned(), 2), ("two".to_owned(), 3)]);
    }
}
