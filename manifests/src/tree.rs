//! Nodes with their byte spans in the text.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use crate::error::{EditError, MAX_DEPTH, Problem};

/// More nodes than any manifest has. The limit bounds the memory.
const MAX_NODES: usize = 1_000_000;

/// The index of a node in its tree.
pub(crate) type Id = usize;

/// The documents of a text.
#[derive(Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// The root of each document.
    pub(crate) documents: Vec<Id>,
    /// The node of each anchor.
    anchored: HashMap<usize, Id>,
    /// The anchors that an alias uses.
    used: HashSet<usize>,
}

/// A node and its place in the text.
pub(crate) struct Node {
    /// The bytes of the value, without its anchor and tag. For a mapping or list in block style, only
    /// the start counts.
    pub(crate) span: Range<usize>,
    /// The line, counted from 1.
    pub(crate) line: usize,
    pub(crate) anchor: Option<usize>,
    /// A tag other than the one that the value has anyway.
    pub(crate) tag: Option<String>,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Scalar { text: String, style: Style },
    Alias(usize),
    Map { flow: bool, entries: Vec<(Id, Id)> },
    List { flow: bool, items: Vec<Id> },
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// No text: `key:`.
    Absent,
    Plain,
    Single,
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl Style {
    /// Whether the type of the value depends on its text.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Absent | Self::Plain)
    }
}

impl Tree {
    pub(crate) fn add(&mut self, node: Node) -> Result<Id, EditError> {
        if self.nodes.len() >= MAX_NODES {
            return Err(EditError::at(node.line, Problem::TooManyNodes));
        }
        if let Kind::Alias(anchor) = node.kind {
            self.used.insert(anchor);
        }
        if let Some(anchor) = node.anchor {
            self.anchored.insert(anchor, self.nodes.len());
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id]
    }

    /// Whether an alias uses the anchor of this node.
    pub(crate) fn is_shared(&self, id: Id) -> bool {
        self.nodes[id].anchor.is_some_and(|anchor| self.used.contains(&anchor))
    }

    /// Whether an alias uses an anchor in this subtree.
    pub(crate) fn has_shared(&self, id: Id) -> bool {
        self.is_shared(id)
            || match &self.nodes[id].kind {
                Kind::Scalar { .. } | Kind::Alias(_) => false,
                Kind::Map { entries, .. } => entries
                    .iter()
                    .any(|(key, value)| self.has_shared(*key) || self.has_shared(*value)),
                Kind::List { items, .. } => items.iter().any(|item| self.has_shared(*item)),
            }
    }

    /// The node itself, or the node that the alias names.
    pub(crate) fn resolve(&self, id: Id) -> Id {
        match self.nodes[id].kind {
            Kind::Alias(anchor) => self.anchored.get(&anchor).copied().unwrap_or(id),
            _ => id,
        }
    }

    /// The entries of a mapping. None for other nodes.
    pub(crate) fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        match &self.nodes[id].kind {
            Kind::Map { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The items of a list. None for other nodes.
    pub(crate) fn items(&self, id: Id) -> Option<&[Id]> {
        match &self.nodes[id].kind {
            Kind::List { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The source text of a scalar.
    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        match &self.nodes[id].kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text, if Kubernetes reads a string.
    pub(crate) fn string(&self, id: Id) -> Option<&str> {
        match &self.nodes[id] {
            Node { kind: Kind::Scalar { text, style }, tag: None, .. } => {
                (!style.is_plain() || sources::is_string(text)).then_some(text)
            }
            _ => None,
        }
    }

    /// Whether the value is null or absent.
    pub(crate) fn is_null(&self, id: Id) -> bool {
        matches!(&self.nodes[id], Node { kind: Kind::Scalar { text, style }, tag: None, .. }
            if style.is_plain() && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The own entry of a mapping with this key: its key and value.
    pub(crate) fn entry(&self, map: Id, key: &str) -> Option<(Id, Id)> {
        let is_it = |(id, _): &&(Id, Id)| self.text(self.resolve(*id)) == Some(key);
        self.entries(map)?.iter().find(is_it).copied()
    }

    /// The value of a key, behind aliases and merge keys. Null counts as missing.
    pub(crate) fn get(&self, map: Id, key: &str) -> Option<Id> {
        self.get_at(map, key, &mut HashSet::new(), 0).filter(|id| !self.is_null(*id))
    }

    /// Looks at each mapping once. Otherwise, mappings that merge others twice would take exponential time.
    fn get_at(&self, map: Id, key: &str, seen: &mut HashSet<Id>, depth: usize) -> Option<Id> {
        let map = self.resolve(map);
        if !seen.insert(map) {
            return None;
        }
        if let Some((_, value)) = self.entry(map, key) {
            return Some(self.resolve(value));
        }
        if depth > MAX_DEPTH {
            return None;
        }
        let merged = self.resolve(self.entry(map, "<<")?.1);
        match self.items(merged) {
            Some(items) => items.iter().find_map(|item| self.get_at(*item, key, seen, depth + 1)),
            None => self.get_at(merged, key, seen, depth + 1),
        }
    }
}
