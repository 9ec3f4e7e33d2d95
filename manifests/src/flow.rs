//! Mappings in flow style, `{a: b}`. JSON has no other.

use std::ops::Range;

use crate::{
    block,
    error::EditError,
    find::{Manifest, Place},
    lines,
    plan::Plan,
    scalar,
    splice::Splice,
    tree::{Id, Kind, Style},
};

/// Adds and removes entries of a flow mapping, or fills an empty one.
pub(crate) fn change(
    manifest: &Manifest<'_>,
    place: &Place,
    map: Id,
    plan: &Plan,
    splices: &mut Vec<Splice>,
) -> Result<(), EditError> {
    let entries = manifest.tree.entries(map).unwrap_or_default();
    let Some((first, _)) = entries.first() else {
        let new: Vec<_> = plan.added.values().flatten().cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let is_flow = place.around.last().is_some_and(|around| is_flow(manifest, *around));
        splices.extend(if place.key.is_none() || is_flow {
            vec![fill(manifest, place, map, &new)?]
        } else {
            block::fill(manifest, place, map, &new)?
        });
        return Ok(());
    };
    let span = manifest.tree.node(map).span.clone();
    let is_emptied = plan.removed.len() == entries.len() && plan.added.is_empty();
    if is_emptied && (manifest.is_json || !manifest.text[span.clone()].contains('#')) {
        splices.push(Splice::replace(span, "{}"));
        return Ok(());
    }
    let flow = Flow { manifest, entries };
    for (after, new) in &plan.added {
        if let Some(index) = after {
            flow.insert_after(*index, plan, new, splices);
        } else {
            let at = manifest.tree.node(*first).span.start;
            let is_replaced = plan.removed.len() == entries.len();
            splices.push(Splice::insert(at, flow.before_first(new, is_replaced)));
        }
    }
    splices.extend(flow.removed(plan).into_iter().map(Splice::remove));
    Ok(())
}

fn is_flow(manifest: &Manifest<'_>, id: Id) -> bool {
    match manifest.tree.node(id).kind {
        Kind::Map { flow, .. } | Kind::List { flow, .. } => flow,
        Kind::Scalar { .. } | Kind::Alias(_) => false,
    }
}

/// The first entries of an empty mapping or null among other flow values.
fn fill(
    manifest: &Manifest<'_>,
    place: &Place,
    value: Id,
    new: &[(String, String)],
) -> Result<Splice, EditError> {
    let (text, tree) = (manifest.text, &manifest.tree);
    let style = if manifest.is_json { Style::Double } else { Style::Plain };
    let entries: Vec<_> = new
        .iter()
        .map(|(key, value)| {
            format!("{}: {}", scalar::write(key, style), scalar::write(value, style))
        })
        .collect();
    let span = tree.node(value).span.clone();
    let key = place.key.map(|key| tree.node(key).span.start);
    let content = match key.filter(|key| lines::is_first(text, *key)) {
        Some(key) => {
            let line = &text[lines::start(text, key)..key];
            let outer =
                place.around.iter().rev().nth(1).and_then(|map| tree.entries(*map)?.first());
            let outer = outer.map(|(key, _)| tree.node(*key).span.start);
            let outer = outer.map_or("", |key| &text[lines::start(text, key)..key]);
            let step = line.strip_prefix(outer).filter(|step| !step.is_empty()).unwrap_or("  ");
            let break_ = lines::line_break(text, key);
            let entries = entries.join(&format!(",{break_}{line}{step}"));
            format!("{{{break_}{line}{step}{entries}{break_}{line}}}")
        }
        None => format!("{{{}}}", entries.join(", ")),
    };
    if span.is_empty() {
        let key = place.key.ok_or_else(|| manifest.layout(value))?;
        return Ok(Splice::insert(manifest.colon(key)? + 1, format!(" {content}")));
    }
    Ok(Splice::replace(span, content))
}

struct Flow<'a> {
    manifest: &'a Manifest<'a>,
    entries: &'a [(Id, Id)],
}

impl Flow<'_> {
    fn start(&self, index: usize) -> usize {
        self.manifest.tree.node(self.entries[index].0).span.start
    }

    fn end(&self, index: usize) -> usize {
        let (key, value) = self.entries[index];
        block::entry_end(self.manifest, key, value).max(self.manifest.tree.node(key).span.end)
    }

    /// The comma after an entry, if there is one.
    fn comma(&self, index: usize) -> Option<usize> {
        let text = self.manifest.text;
        let mut at = self.end(index);
        loop {
            let rest = &text[at..];
            at += rest.len() - rest.trim_start().len();
            match text[at..].chars().next()? {
                ',' => return Some(at),
                '#' => at = lines::next(text, at),
                _ => return None,
            }
        }
    }

    /// Whether the entry starts its line, and nothing but blanks and a comment follows this offset.
    fn has_own_line(&self, index: usize, end: usize) -> bool {
        let text = self.manifest.text;
        let rest = text[end..lines::end(text, end)].trim_start();
        let is_last = rest.is_empty() || (rest.starts_with('#') && !self.manifest.is_json);
        lines::is_first(text, self.start(index)) && is_last && text[end..].contains('\n')
    }

    /// The line break and indentation between entries on their own lines.
    fn separator(&self, index: usize) -> Option<String> {
        let (text, start) = (self.manifest.text, self.start(index));
        let end = self.comma(index).map_or_else(|| self.end(index), |comma| comma + 1);
        self.has_own_line(index, end).then(|| {
            let indent = &text[lines::start(text, start)..start];
            format!("{}{indent}", lines::line_break(text, start))
        })
    }

    fn insert_after(
        &self,
        index: usize,
        plan: &Plan,
        new: &[(String, String)],
        splices: &mut Vec<Splice>,
    ) {
        let text = self.manifest.text;
        let entries: Vec<_> = new.iter().map(|new| self.entry(index, new)).collect();
        let is_last_kept = (index + 1..self.entries.len()).all(|next| plan.removed.contains(&next));
        let has_tail = is_last_kept && index + 1 < self.entries.len();
        match (self.separator(index), self.comma(index)) {
            // The comma after the entry may be removed with the entries behind it.
            _ if has_tail => {
                let entries = entries.iter().map(|entry| format!(", {entry}"));
                splices.push(Splice::insert(self.end(index), entries.collect::<String>()));
            }
            (Some(separator), Some(comma)) => {
                let entries = entries.iter().map(|entry| format!("{separator}{entry},"));
                splices.push(Splice::insert(lines::end(text, comma), entries.collect::<String>()));
            }
            (Some(separator), None) => {
                let entries = entries.join(&format!(",{separator}"));
                let (end, line_end) = (self.end(index), lines::end(text, self.end(index)));
                splices.push(Splice::insert(end, ","));
                splices.push(Splice::insert(line_end, format!("{separator}{entries}")));
            }
            (None, _) => {
                let entries = entries.iter().map(|entry| format!(", {entry}"));
                splices.push(Splice::insert(self.end(index), entries.collect::<String>()));
            }
        }
    }

    fn before_first(&self, new: &[(String, String)], is_replaced: bool) -> String {
        let separator = self.separator(0).unwrap_or_else(|| " ".to_owned());
        let entries: Vec<_> = new.iter().map(|new| self.entry(0, new)).collect();
        let entries = entries.join(&format!(",{separator}"));
        if is_replaced { entries } else { format!("{entries},{separator}") }
    }

    /// A new entry in the style of an existing one.
    fn entry(&self, index: usize, (key, value): &(String, String)) -> String {
        let tree = &self.manifest.tree;
        let default = if self.manifest.is_json { Style::Double } else { Style::Plain };
        let quotes = |id: Id| match &tree.node(id).kind {
            Kind::Scalar { style: style @ (Style::Single | Style::Double), .. } => *style,
            _ => default,
        };
        let (like_key, like_value) = self.entries[index];
        let (key, value) =
            (scalar::write(key, quotes(like_key)), scalar::write(value, quotes(like_value)));
        let gap = tree.node(like_key).span.end..tree.node(like_value).span.start;
        let between = self.manifest.text.get(gap).unwrap_or_default();
        let is_usual = between.trim_matches(' ') == ":";
        // `a:b` without a blank is one scalar, unless the key has quotes.
        let is_usual = is_usual && (between.ends_with(' ') || key.ends_with('"'));
        format!("{key}{}{value}", if is_usual { between } else { ": " })
    }

    /// The ranges to remove, with their commas.
    fn removed(&self, plan: &Plan) -> Vec<Range<usize>> {
        let is_removed = |index: &usize| plan.removed.contains(index);
        let count = self.entries.len();
        let tail = (0..count).rev().take_while(is_removed).count();
        let mut ranges = Vec::new();
        ranges.extend((0..count - tail).filter(is_removed).map(|index| self.removed_inside(index)));
        if tail == 0 {
            return ranges;
        }
        let (first, last) = (count - tail, count - 1);
        match first.checked_sub(1) {
            None => {
                let end = self.comma(last).map_or_else(|| self.end(last), |comma| comma + 1);
                ranges.push(self.start(first)..end);
            }
            Some(kept) => self.remove_tail(kept, first, last, &mut ranges),
        }
        ranges
    }

    /// An entry before a kept one: its own lines and the comments above them, or else everything up to
    /// the next entry.
    fn removed_inside(&self, index: usize) -> Range<usize> {
        let (text, start) = (self.manifest.text, self.start(index));
        match self.comma(index) {
            Some(comma) if self.has_own_line(index, comma + 1) => {
                self.own_start(index)..lines::next(text, comma)
            }
            _ => start..self.start(index + 1),
        }
    }

    /// The start of an entry's line, or of the comment lines above it. The comment above the first entry may
    /// describe all of them.
    fn own_start(&self, index: usize) -> usize {
        let text = self.manifest.text;
        let mut from = lines::start(text, self.start(index));
        let above = index.checked_sub(1).map(|above| lines::next(text, self.end(above)));
        while from > above.unwrap_or(from) {
            let previous = lines::start(text, from - 1);
            if !text[previous..from].trim_start().starts_with('#') {
                break;
            }
            from = previous;
        }
        from
    }

    /// The entries behind the last kept one. A comment on the line of that one stays.
    fn remove_tail(&self, kept: usize, first: usize, last: usize, ranges: &mut Vec<Range<usize>>) {
        let (text, after) = (self.manifest.text, self.comma(last));
        let end = after.map_or_else(|| self.end(last), |comma| comma + 1);
        match self.comma(kept) {
            Some(comma) if text[comma..self.start(first)].contains('#') => {
                ranges.push(comma..comma + 1);
                ranges.push(if self.has_own_line(first, end) {
                    self.own_start(first)..lines::next(text, end)
                } else {
                    self.start(first)..end
                });
            }
            // A trailing comma stays where it is.
            _ => ranges.push(self.end(kept)..after.unwrap_or(end)),
        }
    }
}
