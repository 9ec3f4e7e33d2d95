//! Compares the data of an edited text with what was asked for.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use crate::{
    find::Manifest,
    plan::Plan,
    tree::{Id, Kind, Style, Tree},
};

/// Whether the changed text has the planned items, and all other data is the same.
pub(crate) fn is_as_planned(
    before: &Manifest<'_>,
    plans: &BTreeMap<Id, Plan>,
    changed: &str,
) -> bool {
    Manifest::parse(changed).is_ok_and(|after| {
        let comparison = Comparison {
            anchored: RefCell::default(),
            before: &before.tree,
            after: &after.tree,
            plans,
        };
        after.is_json == before.is_json
            && before.tree.documents.len() == after.tree.documents.len()
            && before
                .tree
                .documents
                .iter()
                .zip(&after.tree.documents)
                .all(|(a, b)| comparison.same(*a, *b))
    })
}

struct Comparison<'a> {
    before: &'a Tree,
    after: &'a Tree,
    /// The nodes with anchors, and their counterparts.
    anchored: RefCell<HashMap<Id, Id>>,
    /// The plan of each mapping that changes.
    plans: &'a BTreeMap<Id, Plan>,
}

impl Comparison<'_> {
    fn same(&self, a: Id, b: Id) -> bool {
        let (before, after) = (self.before.node(a), self.after.node(b));
        if let Some(plan) = self.plans.get(&a) {
            return self.has_items(plan, a, b);
        }
        if before.anchor.is_some() {
            self.anchored.borrow_mut().insert(a, b);
        }
        before.tag == after.tag
            && match (&before.kind, &after.kind) {
                (Kind::Scalar { text: a, style: from }, Kind::Scalar { text: b, style: to }) => {
                    a == b && from.is_plain() == to.is_plain()
                }
                (Kind::Alias(_), Kind::Alias(_)) => {
                    let target = self.anchored.borrow().get(&self.before.resolve(a)).copied();
                    target == Some(self.after.resolve(b))
                }
                (Kind::Map { entries: a, .. }, Kind::Map { entries: b, .. }) => {
                    a.len() == b.len()
                        && a.iter().zip(b).all(|(a, b)| self.same(a.0, b.0) && self.same(a.1, b.1))
                }
                (Kind::List { items: a, .. }, Kind::List { items: b, .. }) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(*a, *b))
                }
                _ => false,
            }
    }

    /// Whether the mapping has exactly the planned items. Their order is not part of the data.
    fn has_items(&self, plan: &Plan, before: Id, after: Id) -> bool {
        let old = self.before.entries(before).unwrap_or_default();
        let Some(new) = self.after.entries(after) else {
            return old.is_empty() && plan.added.is_empty() && self.after.is_null(after);
        };
        if self.after.node(after).tag.is_some() || self.after.is_shared(after) {
            return false;
        }
        let found: BTreeMap<&str, (Id, Id)> = new
            .iter()
            .filter_map(|entry| Some((self.after.text(self.after.resolve(entry.0))?, *entry)))
            .collect();
        let added: Vec<&(String, String)> = plan.added.values().flatten().collect();
        let kept = || old.iter().enumerate().filter(|(index, _)| !plan.removed.contains(index));
        let has_added = added.iter().all(|(key, value)| {
            found.get(key.as_str()).is_some_and(|entry| self.is_item(entry.1, value))
        });
        let has_kept = kept().all(|(index, (key, value))| {
            let old_name = self.before.text(self.before.resolve(*key)).unwrap_or_default();
            let name = plan.renamed.get(&index).map_or(old_name, String::as_str);
            found.get(name).is_some_and(|(new_key, new_value)| {
                let same_key = plan.renamed.contains_key(&index) || self.same(*key, *new_key);
                let same_value = match plan.replaced.get(&index) {
                    Some(replaced) => self.is_item(*new_value, replaced),
                    None => self.same(*value, *new_value),
                };
                same_key && same_value
            })
        });
        found.len() == new.len()
            && new.len() == added.len() + kept().count()
            && has_added
            && has_kept
    }

    /// Whether the value is this base64 for every reader. Line breaks in base64 do not count.
    fn is_item(&self, id: Id, expected: &str) -> bool {
        let text = match &self.after.node(id).kind {
            Kind::Scalar { style: Style::Literal | Style::Folded, text } => {
                text.replace(['\r', '\n'], "")
            }
            _ => self.after.string(id).unwrap_or_default().to_owned(),
        };
        text == expected && self.after.string(id).is_some()
    }
}
