//! Changes of items, as splices.

use std::collections::BTreeMap;

use crate::{
    block,
    error::{EditError, Problem},
    find::{Manifest, Place},
    flow, lines,
    plan::Plan,
    scalar,
    splice::{self, Splice},
    tree::{Id, Kind, Style},
    verify,
};

/// A change of one item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Replaces the value, or adds the item.
    Set {
        /// The key.
        key: String,
        /// The sealed value in base64.
        value: String,
    },
    /// Removes the item, with the comments that belong to it.
    Remove {
        /// The key.
        key: String,
    },
    /// Changes the key. The value stays: the key of an item is not part of what is sealed.
    Rename {
        /// The old key.
        from: String,
        /// The new key.
        to: String,
    },
}

impl Manifest<'_> {
    /// The text with the changes. All other bytes stay.
    ///
    /// # Errors
    /// If a change is impossible here, or would change anything else.
    pub fn edit(&self, place: &Place, changes: &[Change]) -> Result<String, EditError> {
        self.edit_all(&[(place, changes)])
    }

    /// The text with the changes at several places.
    ///
    /// # Errors
    /// As for [`Self::edit`].
    pub fn edit_all(&self, edits: &[(&Place, &[Change])]) -> Result<String, EditError> {
        let (mut splices, mut plans) = (Vec::new(), BTreeMap::new());
        for (place, changes) in edits {
            let map = self.editable(place)?;
            let plan = self.plan(map, changes)?;
            self.splices(place, map, &plan, &mut splices)?;
            plans.insert(map, plan);
        }
        let unsafe_edit = || EditError::whole(Problem::Unsafe);
        let changed = splice::apply(self.text, splices).ok_or_else(unsafe_edit)?;
        if plans.len() != edits.len() || !verify::is_as_planned(self, &plans, &changed) {
            return Err(unsafe_edit());
        }
        Ok(if self.has_mark { format!("\u{feff}{changed}") } else { changed })
    }

    fn splices(
        &self,
        place: &Place,
        map: Id,
        plan: &Plan,
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        let entries = self.tree.entries(map).unwrap_or_default();
        for (index, value) in &plan.replaced {
            self.replace(entries[*index], value, splices)?;
        }
        for (index, to) in &plan.renamed {
            let key = self.tree.node(entries[*index].0);
            let Kind::Scalar { style, .. } = key.kind else {
                return Err(self.layout(entries[*index].0));
            };
            splices.push(Splice::replace(key.span.clone(), scalar::write(to, style)));
        }
        if matches!(self.tree.node(map).kind, Kind::Map { flow: false, .. }) {
            block::change(self, place, map, plan, splices)
        } else {
            flow::change(self, place, map, plan, splices)
        }
    }

    fn plan(&self, map: Id, changes: &[Change]) -> Result<Plan, EditError> {
        let entries = self.tree.entries(map).unwrap_or_default();
        let keys: Vec<&str> = entries
            .iter()
            .map(|(key, _)| self.tree.text(self.tree.resolve(*key)).unwrap_or_default())
            .collect();
        let index: BTreeMap<&str, usize> =
            keys.iter().enumerate().map(|(index, key)| (*key, index)).collect();
        let find = |key: &str| {
            let similar = || keys.iter().find(|other| is_similar(other, key));
            index.get(key).copied().ok_or_else(|| {
                EditError::whole(Problem::NoItem {
                    key: scalar::shown(key),
                    similar: similar().map(|similar| scalar::shown(similar)),
                })
            })
        };
        let mut plan = Plan::default();
        let mut new = BTreeMap::new();
        for change in changes {
            match change {
                Change::Set { key, value } => {
                    check_plain(key, key)?;
                    check_plain(key, value)?;
                    match index.get(key.as_str()) {
                        Some(index) => drop(plan.replaced.insert(*index, value.clone())),
                        None => drop(new.insert(key.as_str(), value.as_str())),
                    }
                }
                Change::Remove { key } => {
                    let removed = find(key)?;
                    if self.tree.has_shared(entries[removed].0)
                        || self.tree.has_shared(entries[removed].1)
                    {
                        return Err(self.shared(entries[removed].0, key));
                    }
                    plan.removed.insert(removed);
                }
                Change::Rename { from, to } => {
                    check_plain(to, to)?;
                    if index.contains_key(to.as_str()) {
                        return Err(EditError::whole(Problem::Exists { key: scalar::shown(to) }));
                    }
                    plan.renamed.insert(find(from)?, to.clone());
                }
            }
        }
        plan.replaced.retain(|index, _| !plan.removed.contains(index));
        plan.renamed.retain(|index, _| !plan.removed.contains(index));
        let is_sorted = keys.is_sorted();
        for (key, value) in new {
            let mut kept = (0..keys.len()).filter(|index| !plan.removed.contains(index));
            let after = kept.rfind(|index| !is_sorted || keys[*index] < key);
            plan.added.entry(after).or_default().push((key.to_owned(), value.to_owned()));
        }
        Ok(plan)
    }

    /// Replaces the value of an existing entry.
    fn replace(
        &self,
        (key, value): (Id, Id),
        new: &str,
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        let (node, name) = (self.tree.node(value), self.tree.text(key).unwrap_or_default());
        if self.tree.is_shared(value) {
            return Err(self.shared(key, name));
        }
        let style = match &node.kind {
            Kind::Scalar { style, .. } if node.tag.is_none() => *style,
            Kind::Alias(_) => Style::Plain,
            _ => {
                let problem = Problem::NotAString { key: scalar::shown(name) };
                return Err(EditError::at(node.line, problem));
            }
        };
        splices.push(match style {
            Style::Absent => {
                let colon = self.colon(key)?;
                Splice::insert(colon + 1, format!(" {}", scalar::write(new, Style::Plain)))
            }
            Style::Literal | Style::Folded => {
                let column = lines::column(self.text, self.tree.node(key).span.start);
                block::replace_block_scalar(self.text, self.colon(key)? + 1, column, style, new)
            }
            style => Splice::replace(node.span.clone(), scalar::write(new, style)),
        });
        Ok(())
    }

    /// The offset of the colon after a key.
    pub(crate) fn colon(&self, key: Id) -> Result<usize, EditError> {
        let end = self.tree.node(key).span.end;
        let rest = &self.text[end..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[blanks..].starts_with(':') { Ok(end + blanks) } else { Err(self.layout(key)) }
    }

    pub(crate) fn layout(&self, key: Id) -> EditError {
        let name = self.tree.text(key).unwrap_or_default();
        EditError::at(self.tree.node(key).line, Problem::Layout { key: scalar::shown(name) })
    }

    fn shared(&self, at: Id, key: &str) -> EditError {
        EditError::at(self.tree.node(at).line, Problem::Shared { key: scalar::shown(key) })
    }
}

fn check_plain(key: &str, text: &str) -> Result<(), EditError> {
    if scalar::needs_no_escape(text) {
        Ok(())
    } else {
        Err(EditError::whole(Problem::Layout { key: scalar::shown(key) }))
    }
}

/// Whether two keys differ only in case, in their separators, or in one character.
fn is_similar(one: &str, other: &str) -> bool {
    let fold = |text: &str| -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()).collect()
    };
    let (one, other) = (fold(one), fold(other));
    if one.is_empty() || one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[same..], &other[same..]);
    let skip = |text: &[u8], count: usize| text.get(count..).unwrap_or_default().to_vec();
    one == other || skip(one, 1) == skip(other, 1) || skip(one, 1) == other || one == skip(other, 1)
}
