//! Mappings in block style: one entry on each line.

use std::ops::Range;

use crate::{
    error::EditError,
    find::{Manifest, Place},
    lines,
    plan::Plan,
    scalar,
    splice::Splice,
    template,
    tree::{Id, Kind, Style},
};

/// The width of a level, if the text shows none.
const DEFAULT_STEP: usize = 2;

/// Adds and removes entries of a block mapping.
pub(crate) fn change(
    manifest: &Manifest<'_>,
    place: &Place,
    map: Id,
    plan: &Plan,
    splices: &mut Vec<Splice>,
) -> Result<(), EditError> {
    let block = Block { manifest, entries: manifest.tree.entries(map).unwrap_or_default() };
    for (after, new) in &plan.added {
        splices.push(block.insert(place, *after, new, plan)?);
    }
    for index in &plan.removed {
        splices.push(Splice::remove(block.removed(*index)?));
    }
    if plan.removed.len() == block.entries.len() && plan.added.is_empty() {
        let key = place.key.ok_or_else(|| manifest.layout(block.entries[0].0))?;
        let value = manifest.tree.node(map);
        // An anchor or a tag may follow the colon.
        let after = lines::end(manifest.text, manifest.colon(key)?);
        let text = manifest.text[manifest.colon(key)? + 1..after].trim();
        if value.anchor.is_some() || !(text.is_empty() || text.starts_with('#')) {
            return Err(manifest.layout(key));
        }
        splices.push(Splice::insert(manifest.colon(key)? + 1, " {}"));
    }
    Ok(())
}

/// The first entries of an empty mapping or null below a key in block style.
pub(crate) fn fill(
    manifest: &Manifest<'_>,
    place: &Place,
    value: Id,
    new: &[(String, String)],
) -> Result<Vec<Splice>, EditError> {
    let (text, tree) = (manifest.text, &manifest.tree);
    let key = place.key.ok_or_else(|| manifest.layout(value))?;
    let colon = manifest.colon(key)?;
    let column = lines::column(text, tree.node(key).span.start);
    let outer = place.around.iter().rev().nth(1).and_then(|map| tree.entries(*map)?.first());
    let outer = outer.map(|(key, _)| lines::column(text, tree.node(*key).span.start));
    let step = outer.map(|outer| column.saturating_sub(outer)).filter(|step| (1..9).contains(step));
    let indent = " ".repeat(column + step.unwrap_or(DEFAULT_STEP));
    let span = tree.node(value).span.clone();
    let mut splices = Vec::new();
    let end = if span.start > colon && !span.is_empty() {
        let blanks = text[colon + 1..span.start].trim_end_matches(' ').len();
        splices.push(Splice::remove(colon + 1 + blanks..span.end));
        lines::end(text, span.end)
    } else {
        lines::end(text, colon)
    };
    let break_ = lines::line_break(text, colon);
    let entries = new.iter().map(|(key, value)| {
        let (key, value) = (scalar::write(key, Style::Plain), scalar::write(value, Style::Plain));
        format!("{break_}{indent}{key}: {value}")
    });
    splices.push(Splice::insert(end, entries.collect::<String>()));
    Ok(splices)
}

/// Replaces the content of a block scalar, and keeps its header, which starts behind the colon. Literal text keeps its width, because
/// readers skip line breaks in base64.
pub(crate) fn replace_block_scalar(
    text: &str,
    header: usize,
    column: usize,
    style: Style,
    new: &str,
) -> Splice {
    let content = lines::next(text, header);
    let end = block_scalar_end(text, header, column);
    let first = &text[content.min(end)..end];
    let first = first.lines().next().unwrap_or_default();
    let (indent, _) = lines::indentation(first);
    let width = first.trim().len();
    if indent <= column || width == 0 {
        return Splice::replace(header..end, format!(" {}", scalar::write(new, Style::Plain)));
    }
    let is_folded = style == Style::Literal && text[content..end].lines().nth(1).is_some();
    let width = if is_folded { width } else { new.len() };
    let break_ = format!("{}{}", lines::line_break(text, header), " ".repeat(indent));
    let mut folded = String::new();
    let mut rest = new;
    while rest.len() > width {
        folded.push_str(&rest[..width]);
        folded.push_str(&break_);
        rest = &rest[width..];
    }
    folded.push_str(rest);
    Splice::replace(content + indent..end, folded)
}

/// The end of the last line of a block scalar whose key is in this column. Blank lines count only if the
/// header keeps them.
fn block_scalar_end(text: &str, header: usize, column: usize) -> usize {
    let mut end = lines::end(text, header);
    let header = text[header..end].split('#').next().unwrap_or_default();
    let keeps_blanks = header.contains('+');
    let mut at = lines::next(text, end);
    while at < text.len() {
        let line_end = lines::end(text, at);
        let (indent, has_text) = lines::indentation(&text[at..line_end]);
        if has_text && indent <= column {
            break;
        }
        if has_text || keeps_blanks {
            end = line_end;
        }
        at = lines::next(text, at);
    }
    end
}

struct Block<'a> {
    manifest: &'a Manifest<'a>,
    entries: &'a [(Id, Id)],
}

impl Block<'_> {
    /// The start of an entry: its key, or the `?` before it.
    fn key_start(&self, index: usize) -> usize {
        let start = self.manifest.tree.node(self.entries[index].0).span.start;
        let line = lines::start(self.manifest.text, start);
        let before = &self.manifest.text[line..start];
        if before.trim() == "?" { line + before.len() - before.trim_start().len() } else { start }
    }

    fn column(&self, index: usize) -> usize {
        lines::column(self.manifest.text, self.key_start(index))
    }

    /// The end of an entry's text, before its trailing comment.
    fn end(&self, index: usize) -> usize {
        let (key, value) = self.entries[index];
        entry_end(self.manifest, key, value)
    }

    /// New lines below an entry, or above all. If a template has opened a block there, they go to the next
    /// place outside of all blocks.
    fn insert(
        &self,
        place: &Place,
        after: Option<usize>,
        new: &[(String, String)],
        plan: &Plan,
    ) -> Result<Splice, EditError> {
        let text = self.manifest.text;
        let Some(key) = place.key.filter(|_| template::is_computed(text)) else {
            return after
                .map_or_else(|| self.insert_first(new), |index| Ok(self.insert_after(index, new)));
        };
        let colon = self.manifest.colon(key)?;
        let is_outside = |at: usize| text.get(colon..at).is_some_and(template::is_balanced);
        let first = after.map_or(0, |index| index + 1);
        if after.is_none() && is_outside(self.start(0)) {
            return self.insert_first(new);
        }
        let preferred = first.saturating_sub(1)..self.entries.len();
        let index = preferred.chain((0..first).rev()).find(|index| {
            !plan.removed.contains(index) && is_outside(lines::end(text, self.end(*index)))
        });
        match index {
            Some(index) => Ok(self.insert_after(index, new)),
            None if is_outside(lines::end(text, colon)) => {
                Ok(Splice::insert(lines::end(text, colon), self.lines_below(0, new)))
            }
            None => Err(self.manifest.layout(key)),
        }
    }

    /// New lines that follow the end of another one.
    fn lines_below(&self, index: usize, new: &[(String, String)]) -> String {
        let break_ = lines::line_break(self.manifest.text, self.key_start(index));
        new.iter().flat_map(|new| [break_.to_owned(), self.line(index, new)]).collect()
    }

    /// New lines below an entry, and before the comments that follow it.
    fn insert_after(&self, index: usize, new: &[(String, String)]) -> Splice {
        let end = lines::end(self.manifest.text, self.end(index));
        Splice::insert(end, self.lines_below(index, new))
    }

    /// New lines above the first entry and its comments.
    fn insert_first(&self, new: &[(String, String)]) -> Result<Splice, EditError> {
        let text = self.manifest.text;
        if !lines::is_first(text, self.key_start(0)) {
            return Err(self.manifest.layout(self.entries[0].0));
        }
        let break_ = lines::line_break(text, self.key_start(0));
        let lines = new.iter().map(|new| format!("{}{break_}", self.line(0, new)));
        Ok(Splice::insert(self.start(0), lines.collect::<String>()))
    }

    /// A line for a new entry, in the style of an existing one.
    fn line(&self, index: usize, (key, value): &(String, String)) -> String {
        let tree = &self.manifest.tree;
        let quotes = |id: Id| match &tree.node(id).kind {
            Kind::Scalar { style: style @ (Style::Single | Style::Double), .. } => *style,
            _ => Style::Plain,
        };
        let (like_key, like_value) = self.entries[index];
        let (key, value) =
            (scalar::write(key, quotes(like_key)), scalar::write(value, quotes(like_value)));
        format!("{}{key}: {value}", " ".repeat(self.column(index)))
    }

    /// The start of an entry's first line, with the comment lines directly above it.
    fn start(&self, index: usize) -> usize {
        let text = self.manifest.text;
        let (mut start, column) = (lines::start(text, self.key_start(index)), self.column(index));
        let above = match index.checked_sub(1) {
            Some(above) => lines::next(text, self.end(above)),
            None => 0,
        };
        while start > above {
            let previous = lines::start(text, start - 1);
            let line = &text[previous..start];
            if !line.trim_start().starts_with('#') || lines::indentation(line).0 != column {
                break;
            }
            start = previous;
        }
        start
    }

    /// The lines of an entry and the comments that belong to it. A comment above the first entry may
    /// describe all of them, so it is removed only if other entries have comments of their own.
    fn removed(&self, index: usize) -> Result<Range<usize>, EditError> {
        let text = self.manifest.text;
        let line = lines::start(text, self.key_start(index));
        if !lines::is_first(text, self.key_start(index)) {
            return Err(self.manifest.layout(self.entries[index].0));
        }
        let has_comment =
            |index: usize| self.start(index) < lines::start(text, self.key_start(index));
        let is_own = index > 0 || (1..self.entries.len()).any(has_comment);
        let start = if is_own { self.start(index) } else { line };
        let end = lines::next(text, self.end(index));
        if end == text.len() && !text.ends_with('\n') {
            // The last line has no line break: remove the one before it.
            let break_ = &text[..start];
            let break_ =
                break_.strip_suffix('\n').map_or(break_, |t| t.strip_suffix('\r').unwrap_or(t));
            return Ok(break_.len()..end);
        }
        Ok(start..end)
    }
}

/// The end of an entry's text.
pub(crate) fn entry_end(manifest: &Manifest<'_>, key: Id, value: Id) -> usize {
    let (tree, text) = (&manifest.tree, manifest.text);
    let node = tree.node(value);
    match &node.kind {
        Kind::Scalar { style: Style::Absent, .. } => {
            let end = tree.node(key).span.end;
            manifest.colon(key).map_or(end, |colon| colon + 1)
        }
        Kind::Scalar { style: Style::Literal | Style::Folded, .. } => {
            let column = lines::column(text, tree.node(key).span.start);
            let header = manifest.colon(key).unwrap_or(node.span.start);
            block_scalar_end(text, header, column)
        }
        Kind::Map { flow: false, entries } => match entries.last() {
            Some((key, value)) => entry_end(manifest, *key, *value),
            None => node.span.end,
        },
        Kind::List { flow: false, items } => match items.last() {
            Some(item) => entry_end(manifest, key, *item).max(tree.node(*item).span.start),
            None => node.span.end,
        },
        _ => node.span.end,
    }
}
