//! Text that people read, with the line it starts at.

/// A comment, a string literal or a paragraph.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Text {
    line: usize,
    content: String,
}

/// A word of a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Word {
    /// In lower case.
    pub(super) spelling: String,
    pub(super) line: usize,
    /// Whether punctuation separates it from the word before.
    pub(super) is_separated: bool,
    /// Whether it starts a sentence.
    pub(super) starts_sentence: bool,
}

impl Text {
    pub(super) fn new(line: usize, text: &str) -> Text {
        Text { line, content: text.to_owned() }
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.content
    }

    pub(super) fn last_line(&self) -> usize {
        self.line + self.content.matches('\n').count()
    }

    /// Adds a line.
    pub(super) fn append(&mut self, line: &str) {
        self.content.push('\n');
        self.content.push_str(line);
    }

    /// The words, without code between backticks and without addresses of links.
    pub(super) fn words(&self) -> Vec<Word> {
        let mut words = Words { line: self.line, ..Words::default() };
        let mut characters = self.content.chars().peekable();
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            match character {
                '`' => {
                    words.end();
                    for skipped in characters.by_ref().take_while(|skipped| *skipped != '`') {
                        words.line += usize::from(skipped == '\n');
                    }
                    words.push_code();
                }
                // An escape in a string literal.
                '\\' => {
                    words.end();
                    if next.is_some_and(|next| matches!(next, 'n' | 't')) {
                        characters.next();
                    }
                }
                ']' if next == Some('(') => {
                    words.end();
                    characters.by_ref().find(|skipped| *skipped == ')');
                }
                '{' => {
                    words.end();
                    let is_inside = |inside: &char| *inside != '}' && *inside != '\n';
                    if next.is_some_and(|next| is_inside(&next)) {
                        while characters.next_if(is_inside).is_some() {}
                    }
                    characters.next_if_eq(&'}');
                    words.push_code();
                }
                '\n' => {
                    words.end();
                    words.line += 1;
                    words.newlines += 1;
                }
                '\'' | '’' if next.is_some_and(char::is_alphabetic) && words.is_inside() => {
                    words.current.push('\'');
                }
                _ if character.is_alphanumeric() || character == '_' => {
                    words.current.extend(character.to_lowercase());
                }
                _ => {
                    words.end();
                    words.punctuate(character);
                }
            }
        }
        words.end();
        words.found
    }
}

#[derive(Default)]
struct Words {
    found: Vec<Word>,
    current: String,
    line: usize,
    newlines: usize,
    is_separated: bool,
    is_sentence_end: bool,
}

impl Words {
    fn is_inside(&self) -> bool {
        !self.current.is_empty()
    }

    fn end(&mut self) {
        if self.is_inside() {
            let word = std::mem::take(&mut self.current);
            self.push(word);
        }
    }

    fn push(&mut self, word: String) {
        let starts_sentence = self.found.is_empty() || self.is_sentence_end || self.newlines > 1;
        let is_separated = self.is_separated || starts_sentence;
        self.found.push(Word { spelling: word, line: self.line, is_separated, starts_sentence });
        self.is_separated = false;
        self.is_sentence_end = false;
        self.newlines = 0;
    }

    /// Stands for code, so that the words before and after it do not form a phrase.
    fn push_code(&mut self) {
        self.push("`".to_owned());
    }

    fn punctuate(&mut self, character: char) {
        if character.is_whitespace() || character == '*' {
            return;
        }
        self.is_separated = true;
        if matches!(character, '.' | '!' | '?' | ':' | '|' | '#') {
            self.is_sentence_end = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Text::new(1, text).words().into_iter().map(|word| word.spelling).collect()
    }

    #[test]
    fn code_and_addresses_are_left_out() {
        assert_eq!(
            words("See `what is` and [the page](http://what.is)."),
            ["see", "`", "and", "the", "page"]
        );
        assert_eq!(words(r"it's {name}\n twice"), ["it's", "`", "twice"]);
    }

    #[test]
    fn sentences_start_after_full_stops_and_colons() {
        let found = Text::new(3, "One, two. Three\nfour: five\n\nsix").words();
        let starts: Vec<_> = found.iter().filter(|word| word.starts_sentence).collect();
        let starts: Vec<_> =
            starts.iter().map(|word| (word.spelling.as_str(), word.line)).collect();
        assert_eq!(starts, [("one", 3), ("three", 3), ("five", 4), ("six", 6)]);
        assert!(found[1].is_separated);
    }
}
