//! Heredocs as Terraform reads them. The parser's own text loses the CR of CRLF in `<<-`, and takes blank
//! lines into account for the indent.

use hcl_edit::{
    Span as _,
    template::{Element, HeredocTemplate},
};
use zeroize::Zeroizing;

/// The text of a heredoc. None if it has interpolations or directives.
pub(super) fn text(heredoc: &HeredocTemplate, whole: &str) -> Option<Zeroizing<String>> {
    if !heredoc.template.iter().all(|element| matches!(element, Element::Literal(_))) {
        return None;
    }
    let source = source(heredoc, whole)?;
    let removed = if is_indented(heredoc, whole) { indent(source) } else { 0 };
    // Without growing, which would leave a copy behind that is not wiped.
    let mut text = Zeroizing::new(String::with_capacity(source.len()));
    for line in source.split_inclusive('\n') {
        let removed = if is_blank(line) { 0 } else { removed };
        let start = line.char_indices().nth(removed).map_or(line.len(), |(at, _)| at);
        text.push_str(&line[start..]);
    }
    // Backslashes are literal in heredocs. These are the only escapes.
    Some(Zeroizing::new(Zeroizing::new(text.replace("$${", "${")).replace("%%{", "%{")))
}

/// The lines between the markers.
pub(super) fn source<'a>(heredoc: &HeredocTemplate, whole: &'a str) -> Option<&'a str> {
    whole.get(heredoc.template.span()?)
}

/// Whether it starts with `<<-`.
fn is_indented(heredoc: &HeredocTemplate, whole: &str) -> bool {
    let start = heredoc.template.span().map_or(0, |span| span.start);
    let head = whole.get(..start).unwrap_or_default().trim_end_matches(['\r', '\n']);
    head.strip_suffix(heredoc.delimiter.as_str()).is_some_and(|head| head.ends_with("<<-"))
}

/// The smallest indent of all lines that are not blank.
fn indent(source: &str) -> usize {
    let width = |line: &str| line.chars().take_while(|c| c.is_whitespace()).count();
    source.split_inclusive('\n').filter(|line| !is_blank(line)).map(width).min().unwrap_or(0)
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}
