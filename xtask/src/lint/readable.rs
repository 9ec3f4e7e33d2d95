//! The text of a file for people: comments, messages, documentation, and the names of tests.

use super::files::TextFile;
use super::items::Items;
use super::rust;
use super::text::Text;

/// The parts of a file that are text for people.
#[derive(Debug, Default)]
pub(super) struct Readable {
    pub(super) texts: Vec<Text>,
    pub(super) test_names: Vec<(String, usize)>,
}

impl Readable {
    /// Empty for files without such text.
    pub(super) fn read(file: &TextFile) -> Readable {
        match file.extension() {
            "rs" => rust(file),
            "md" => markdown(&file.text),
            "go" => go(&file.text),
            "py" => python(&file.text),
            extension if is_template(extension, &file.path) => template(&file.text),
            extension if has_hash_comments(extension, &file.text) => hashes(&file.text),
            _ => Readable::default(),
        }
    }
}

fn is_template(extension: &str, path: &str) -> bool {
    let is_rendered = path.contains("/templates/") && matches!(extension, "txt" | "yaml" | "yml");
    extension == "tpl" || is_rendered
}

fn has_hash_comments(extension: &str, text: &str) -> bool {
    matches!(extension, "yaml" | "yml" | "toml" | "sh" | "Dockerfile" | "tf")
        || text.starts_with("#!")
}

fn rust(file: &TextFile) -> Readable {
    let source = rust::lex(&file.text);
    let items = Items::read(&source);
    let is_test_file = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    let mut texts = source.comments;
    if !is_test_file {
        let messages = source.strings.into_iter().filter(|text| !items.is_test(text.line()));
        texts.extend(messages);
    }
    Readable { texts, test_names: items.test_names }
}

/// Paragraphs, without blocks of code.
fn markdown(text: &str) -> Readable {
    let mut readable = Readable::default();
    let mut is_code = false;
    let mut paragraph: Option<Text> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let start = line.trim_start();
        let is_fence = start.starts_with("```") || start.starts_with("~~~");
        let is_item = start.starts_with(['-', '*', '|', '#', '>'])
            || start.starts_with(|first: char| first.is_ascii_digit());
        if is_fence || is_code || start.is_empty() || is_item {
            readable.texts.extend(paragraph.take());
        }
        is_code ^= is_fence;
        if is_fence || is_code || start.is_empty() {
            continue;
        }
        match &mut paragraph {
            Some(paragraph) => paragraph.append(line),
            None => paragraph = Some(Text::new(number, line)),
        }
    }
    readable.texts.extend(paragraph);
    readable
}

/// Go's comments and strings are like Rust's, except for raw strings, which are data here.
fn go(text: &str) -> Readable {
    let source = rust::lex(&text.replace('`', " "));
    let names = text.lines().zip(1..).filter_map(|(line, number)| {
        let name = line.strip_prefix("func Test")?.split('(').next()?;
        Some((name.trim_start_matches('_').to_lowercase(), number))
    });
    Readable {
        texts: source.comments.into_iter().chain(source.strings).collect(),
        test_names: names.collect(),
    }
}

/// Comments and documentation strings.
fn python(text: &str) -> Readable {
    let mut readable = hashes(text);
    let mut parts = text.split("\"\"\"");
    let mut line = 1 + parts.next().map_or(0, |part| part.matches('\n').count());
    for (number, part) in (0..).zip(parts) {
        if number % 2 == 0 {
            readable.texts.push(Text::new(line, part));
        }
        line += part.matches('\n').count();
    }
    let names = text.lines().zip(1..).filter_map(|(line, number)| {
        let start = line.trim_start();
        let definition = start.strip_prefix("async ").unwrap_or(start);
        let name = definition.strip_prefix("def test_")?.split('(').next()?;
        Some((name.to_owned(), number))
    });
    readable.test_names = names.collect();
    readable
}

/// Comments that `#` starts.
fn hashes(text: &str) -> Readable {
    let mut texts: Vec<Text> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let start = line.trim_start();
        let whole = start.strip_prefix('#').filter(|_| !start.starts_with("#!"));
        let comment = whole.or_else(|| line.split_once(" # ").map(|(_, comment)| comment));
        let Some(comment) = comment else { continue };
        match texts.last_mut() {
            Some(last) if whole.is_some() && last.last_line() + 1 == number => last.append(comment),
            _ => texts.push(Text::new(number, comment)),
        }
    }
    Readable { texts, test_names: Vec::new() }
}

/// Comments, quoted messages, and the text between actions.
fn template(text: &str) -> Readable {
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let is_comment = line.contains("/*") || line.trim_start().starts_with('#');
        let is_message = line.contains("fail ") || line.contains("printf ");
        if is_comment || is_message || !line.contains("{{") {
            texts.push(Text::new(number, line));
        }
    }
    Readable { texts, test_names: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Vec<(usize, String)> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        let texts = Readable::read(&file).texts;
        texts.iter().map(|text| (text.line(), text.text().to_owned())).collect()
    }

    #[test]
    fn strings_of_tests_are_left_out() {
        let text = "// one\nfn a() { \"two\" }\n#[cfg(test)]\nmod tests { /* three */ \"four\" }";
        let found: Vec<_> = read("a/src/b.rs", text).into_iter().map(|(_, text)| text).collect();
        assert_eq!(found, [" one", "/* three */", "two"]);
    }

    #[test]
    fn markdown_is_paragraphs_without_code() {
        let text = "# A\n\none\ntwo\n- three\n```\nfour\n```\nfive";
        let expected = [(1, "# A"), (3, "one\ntwo"), (5, "- three"), (9, "five")];
        let expected = expected.map(|(line, text)| (line, text.to_owned()));
        assert_eq!(read("a.md", text), expected);
    }

    #[test]
    fn python_has_comments_docstrings_and_test_names() {
        let text = "# one\nx = 1  # two\ndef test_a():\n    \"\"\"three\"\"\"\n";
        let found: Vec<_> = read("a.py", text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, [1, 2, 4]);
        let file = TextFile { path: "a.py".to_owned(), text: text.to_owned() };
        assert_eq!(Readable::read(&file).test_names, [("a".to_owned(), 3)]);
    }
}
