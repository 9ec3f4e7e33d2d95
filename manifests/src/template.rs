//! Actions of Helm templates: `{{ … }}`. They are not YAML.

/// Marks the bytes of an action. No manifest contains this control character.
const MARK: char = '\u{7f}';

/// Whether a part of the source has an action.
pub(crate) fn is_computed(source: &str) -> bool {
    source.contains("{{")
}

/// The keywords of the actions in a text.
fn keywords(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).map(|action| {
        let action = action.trim_start_matches('-').trim_start();
        let end = action.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(action.len());
        &action[..end]
    })
}

/// Whether the text has actions other than `{{ end }}`.
pub(crate) fn has_more_than_ends(text: &str) -> bool {
    keywords(text).any(|keyword| keyword != "end")
}

/// Whether each block that opens in the text closes there, and the other way round.
pub(crate) fn is_balanced(text: &str) -> bool {
    let mut depth = 0_usize;
    for keyword in keywords(text) {
        match keyword {
            "if" | "range" | "with" | "define" | "block" => depth += 1,
            "end" | "else" if depth == 0 => return false,
            "end" => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}

/// The text with a comment instead of each line that consists of actions, and letters instead of other
/// actions. All offsets stay the same. None if the text has no action.
pub(crate) fn mask(text: &str) -> Option<String> {
    text.contains("{{").then(|| {
        let mut result = String::with_capacity(text.len());
        let mut inside = false;
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            let (marked, still_inside) = mark(content, inside);
            let only_actions = marked.chars().all(|c| matches!(c, ' ' | '\t' | MARK));
            if only_actions && marked.contains(MARK) {
                result.push_str(&marked.replacen(MARK, "#", 1).replace(MARK, "x"));
            } else {
                result.push_str(&marked.replace(MARK, "x"));
            }
            result.push_str(&line[content.len()..]);
            inside = still_inside;
        }
        result
    })
}

/// Marks all bytes of actions in a line, and whether the line ends inside an action.
fn mark(line: &str, mut inside: bool) -> (String, bool) {
    let mut marked = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let (end, found) = match rest.find(if inside { "}}" } else { "{{" }) {
            Some(at) if inside => (at + 2, true),
            Some(at) => (at, true),
            None => (rest.len(), false),
        };
        if inside {
            marked.extend(std::iter::repeat_n(MARK, end));
        } else {
            marked.push_str(&rest[..end]);
        }
        rest = &rest[end..];
        inside ^= found;
    }
    (marked, inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_become_comments_and_marks_of_the_same_length() {
        let text =
            "{{- if .Values.é }}\nname: {{ .Release.Name }}-x\n  {{- /* a\n  b */}}\r\nk: v\n";
        let masked = mask(text).unwrap();
        assert_eq!(masked.len(), text.len());
        let expected =
            "#xxxxxxxxxxxxxxxxxxx\nname: xxxxxxxxxxxxxxxxxxx-x\n  #xxxxxxx\n#xxxxxxxx\r\nk: v\n";
        assert_eq!(masked.lines().nth(1), expected.lines().nth(1));
        assert!(masked.starts_with('#') && masked.ends_with("k: v\n") && masked.contains("x\r\n"));
        assert_eq!(mask("a: {b: 1}\n"), None);
    }

    #[test]
    fn blocks_are_balanced_if_each_one_closes_in_the_text() {
        for text in ["", "{{ .x }}", "{{- if a }}\n{{ else if b }}{{- end -}}", "{{/* if */}}"] {
            assert!(is_balanced(text), "{text}");
        }
        for text in ["{{ if a }}", "{{ end }}", "{{ else }}", "{{- range a }}{{with b}}{{end}}"] {
            assert!(!is_balanced(text), "{text}");
        }
        assert!(has_more_than_ends("{{ end }}\n{{- toYaml . }}") && !has_more_than_ends("{{end}}"));
    }
}
