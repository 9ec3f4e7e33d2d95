//! Phrases to avoid in plain English: the list in `xtask/lint/phrases.txt`.

use std::collections::HashMap;

use anyhow::{Context, bail};

use super::files::TextFile;
use super::finding::Finding;
use super::readable::Readable;
use super::text::{Text, Word};

/// The phrases, and what to write instead.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    /// By their first word.
    anywhere: HashMap<String, Vec<Phrase>>,
    at_sentence_start: HashMap<String, Vec<Phrase>>,
    allowed: HashMap<String, Vec<Phrase>>,
    test_names: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
struct Phrase {
    words: Vec<String>,
    advice: String,
}

impl Phrases {
    /// Reads the list. Its own comments explain the format.
    pub(super) fn parse(text: &str) -> anyhow::Result<Phrases> {
        let mut phrases = Phrases::default();
        let mut section = "";
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let (pattern, advice) = line.split_once("=>").unwrap_or((line, ""));
            let (pattern, advice) = (pattern.trim().to_lowercase(), advice.trim().to_owned());
            let words: Vec<_> = pattern.split_whitespace().map(str::to_owned).collect();
            let first = words.first().with_context(|| format!("line {number}: no phrase"))?;
            let first = first.clone();
            let map = match section {
                "anywhere" => &mut phrases.anywhere,
                "sentence start" => &mut phrases.at_sentence_start,
                "allowed" => &mut phrases.allowed,
                "test names" => {
                    phrases.test_names.push((pattern, advice));
                    continue;
                }
                other => bail!("line {number}: no section is called [{other}]"),
            };
            map.entry(first).or_default().push(Phrase { words, advice });
        }
        Ok(phrases)
    }

    /// Every phrase of the list in this file.
    pub(super) fn check(&self, file: &TextFile) -> Vec<Finding> {
        let readable = Readable::read(file);
        let mut findings = Vec::new();
        for text in &readable.texts {
            findings.extend(self.check_text(&file.path, text));
        }
        for (name, line) in &readable.test_names {
            for (prefix, advice) in &self.test_names {
                if name.starts_with(prefix.as_str()) {
                    let message = format!("test name \"{name}\": {advice}");
                    findings.push(Finding::new(&file.path, *line, message));
                }
            }
        }
        findings
    }

    fn check_text(&self, path: &str, text: &Text) -> Vec<Finding> {
        let words = text.words();
        let mut findings = Vec::new();
        let mut allowed_until = 0;
        for at in 0..words.len() {
            let rest = &words[at..];
            if let Some(phrase) = longest(&self.allowed, rest) {
                allowed_until = allowed_until.max(at + phrase.words.len());
            }
            if at < allowed_until {
                continue;
            }
            // A text of one word is a keyword or a name, and not a sentence.
            let starts_sentence = rest[0].starts_sentence && words.len() > 1;
            let of_sentence =
                starts_sentence.then(|| longest(&self.at_sentence_start, rest)).flatten();
            if let Some(phrase) = longest(&self.anywhere, rest).or(of_sentence) {
                let message = format!("\"{}\": {}", phrase.words.join(" "), phrase.advice);
                findings.push(Finding::new(path, rest[0].line, message));
            }
        }
        findings
    }
}

/// The longest phrase that starts with the first of these words.
fn longest<'a>(phrases: &'a HashMap<String, Vec<Phrase>>, words: &[Word]) -> Option<&'a Phrase> {
    let candidates = phrases.get(&words.first()?.spelling)?;
    let matching = candidates.iter().filter(|phrase| {
        phrase.words.len() <= words.len()
            && phrase.words.iter().zip(words).all(|(wanted, word)| *wanted == word.spelling)
            && words[1..phrase.words.len()].iter().all(|word| !word.is_separated)
    });
    matching.max_by_key(|phrase| phrase.words.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
        # A comment.\n\
        [anywhere]\n\
        is told => name who reports it\n\
        alone => say \"only\"\n\
        [sentence start]\n\
        what is => name the noun\n\
        else => say \"otherwise\"\n\
        [allowed]\n\
        left alone\n\
        [test names]\n\
        what_ => start with a noun\n";

    fn check(path: &str, text: &str) -> Vec<String> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let phrases = Phrases::parse(LIST).unwrap();
        phrases.check(&file).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn phrase_is_found_over_the_end_of_a_line() {
        let found = check("a.rs", "// The user is\n// told so.");
        assert_eq!(found, ["a.rs:1: \"is told\": name who reports it"]);
    }

    #[test]
    fn phrase_with_punctuation_or_code_inside_passes() {
        assert_eq!(check("a.md", "It is. Told `is told` and is, told."), [""; 0]);
    }

    #[test]
    fn allowed_phrase_passes() {
        assert_eq!(check("a.md", "It is left alone."), [""; 0]);
        assert_eq!(check("a.md", "By name alone.").len(), 1);
    }

    #[test]
    fn relative_clause_as_subject_fails_at_the_start_of_a_sentence() {
        assert_eq!(check("a.md", "Yes. What is new costs time.").len(), 1);
        assert_eq!(check("a.md", "The page says what is new."), [""; 0]);
    }

    #[test]
    fn string_of_one_word_is_no_sentence() {
        assert_eq!(check("a.rs", "const KEYWORD: &str = \"else\";"), [""; 0]);
        assert_eq!(check("a.rs", "// Else it stops.").len(), 1);
    }

    #[test]
    fn test_name_that_starts_with_a_pronoun_fails() {
        let found = check("a.rs", "#[test]\nfn what_is_new_is_kept() {}");
        assert_eq!(found, ["a.rs:2: test name \"what_is_new_is_kept\": start with a noun"]);
    }

    #[test]
    fn unknown_section_is_refused() {
        assert!(Phrases::parse("[nowhere]\na => b").is_err());
    }

    #[test]
    fn list_of_the_repository_is_valid() {
        Phrases::parse(include_str!("../../lint/phrases.txt")).unwrap();
    }
}
