//! The mappings of items in a text: those of SealedSecrets, and any by its path.

use std::collections::HashSet;

use sealing::Scope;

use crate::{
    error::{EditError, MAX_DEPTH, Problem},
    json,
    path::{Path, Step},
    scalar, template,
    tree::{Id, Tree},
    yaml,
};

/// The name, namespace and scope that a SealedSecret states.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// `metadata.name`. None if it is missing or a template computes it.
    pub name: Option<String>,
    /// `metadata.namespace`, likewise.
    pub namespace: Option<String>,
    /// The scope of its annotations.
    pub scope: Scope,
    /// Whether a template computes a part of its metadata.
    pub is_templated: bool,
    /// Whether a template computes its annotations, so that the scope may be another.
    pub has_computed_scope: bool,
}

/// A text with SealedSecrets, or other YAML or JSON with sealed items.
pub struct Manifest<'a> {
    pub(crate) text: &'a str,
    pub(crate) has_mark: bool,
    pub(crate) is_json: bool,
    pub(crate) tree: Tree,
}

/// A mapping of items.
#[derive(Clone)]
pub struct Place {
    /// The line on which its document or mapping starts.
    pub line: usize,
    /// The object that the items are sealed for. None for a place that a path names.
    pub identity: Option<Identity>,
    /// The last key on the way to the mapping.
    pub(crate) name: String,
    /// The key, its value and the mappings around them, from the root on.
    pub(crate) key: Option<Id>,
    pub(crate) value: Option<Id>,
    pub(crate) around: Vec<Id>,
    /// The SealedSecret.
    object: Option<Id>,
    problem: Option<EditError>,
}

/// An item as it is in the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// The line of the key.
    pub line: usize,
}

/// Whether the text starts with an object whose first key has double quotes.
fn is_quoted_object(text: &str) -> bool {
    text.trim_start().strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'))
}

impl<'a> Manifest<'a> {
    /// Reads YAML or JSON, with or without a byte-order mark. In YAML, lines with nothing but actions of
    /// Helm templates count as comments, and other actions as text.
    ///
    /// # Errors
    /// If the text is neither YAML nor JSON, or nested too deeply.
    pub fn parse(text: &'a str) -> Result<Self, EditError> {
        let stripped = text.strip_prefix('\u{feff}');
        let (has_mark, text) = (stripped.is_some(), stripped.unwrap_or(text));
        let json = json::is_like_json(text).then(|| json::parse(text));
        let error = match json {
            Some(Ok(tree)) => return Ok(Self { text, has_mark, is_json: true, tree }),
            // In YAML, few keys in braces have quotes.
            Some(Err(error)) if is_quoted_object(text) => Some(error),
            _ => None,
        };
        let tree = match (yaml::parse(text), template::mask(text)) {
            (Err(error), Some(masked)) => yaml::parse(&masked).map_err(|_| error),
            (tree, _) => tree,
        };
        let tree = tree.map_err(|of_yaml| error.unwrap_or(of_yaml))?;
        Ok(Self { text, has_mark, is_json: false, tree })
    }

    /// The items of each SealedSecret, those in Lists included.
    pub fn sealed_secrets(&self) -> Vec<Place> {
        let (mut places, mut seen) = (Vec::new(), HashSet::new());
        for document in &self.tree.documents {
            self.add_sealed_secrets(*document, &[], &mut seen, &mut places);
        }
        places
    }

    /// The mapping at a path. It must be in exactly one document.
    ///
    /// # Errors
    /// If no document or several have one.
    pub fn at(&self, path: &Path) -> Result<Place, EditError> {
        let mut found = self.tree.documents.iter().filter_map(|root| self.walk(*root, path));
        let missing = || EditError::whole(Problem::NoMapping { place: path.as_str().to_owned() });
        let place = found.next().ok_or_else(missing)?;
        if found.next().is_some() {
            let place = path.as_str().to_owned();
            return Err(EditError::whole(Problem::SeveralDocuments { place }));
        }
        Ok(place)
    }

    /// The mapping at a path from the root of a SealedSecret.
    ///
    /// # Errors
    /// If there is none.
    pub fn inside(&self, sealed_secret: &Place, path: &Path) -> Result<Place, EditError> {
        let missing = || {
            let place = path.as_str().to_owned();
            EditError::at(sealed_secret.line, Problem::NoMapping { place })
        };
        let object = sealed_secret.object.ok_or_else(missing)?;
        let mut place = self.walk(object, path).ok_or_else(missing)?;
        let outer = sealed_secret.around.iter().take_while(|id| **id != object);
        place.around = outer.copied().chain(place.around).collect();
        Ok(place)
    }

    /// The items of a mapping, in order.
    ///
    /// # Errors
    /// If the mapping is missing, used in several places, or contains anything but strings.
    pub fn items(&self, place: &Place) -> Result<Vec<Item>, EditError> {
        let map = self.editable(place)?;
        let mut items: Vec<Item> = Vec::new();
        for (key, value) in self.tree.entries(map).unwrap_or_default() {
            let Some(name) = self.tree.text(*key).filter(|name| *name != "<<") else {
                continue;
            };
            let line = self.tree.node(*key).line;
            let not_string =
                || EditError::at(line, Problem::NotAString { key: scalar::shown(name) });
            let text = self.tree.string(self.tree.resolve(*value)).ok_or_else(not_string)?;
            items.push(Item { key: name.to_owned(), value: text.to_owned(), line });
        }
        Ok(items)
    }

    /// The node of the mapping, or of null, if it can be edited here.
    pub(crate) fn editable(&self, place: &Place) -> Result<Id, EditError> {
        if let Some(problem) = &place.problem {
            return Err(problem.clone());
        }
        let missing =
            || EditError::at(place.line, Problem::NoMapping { place: place.name.clone() });
        let value = place.value.ok_or_else(missing)?;
        if self.tree.node(value).tag.is_some()
            || !(self.tree.entries(value).is_some() || self.tree.is_null(value))
        {
            return Err(missing());
        }
        if place.around.iter().chain([&value]).any(|id| self.tree.is_shared(*id)) {
            let problem = Problem::Shared { key: place.name.clone() };
            return Err(EditError::at(self.tree.node(value).line, problem));
        }
        self.check_duplicates(value)?;
        Ok(value)
    }

    pub(crate) fn check_duplicates(&self, map: Id) -> Result<(), EditError> {
        let mut seen = HashSet::new();
        for (key, _) in self.tree.entries(map).unwrap_or_default() {
            if template::is_computed(&self.text[self.tree.node(*key).span.clone()]) {
                continue;
            }
            let name = self.tree.text(self.tree.resolve(*key)).unwrap_or_default();
            if !seen.insert(name) {
                let problem = Problem::Duplicate { key: scalar::shown(name) };
                return Err(EditError::at(self.tree.node(*key).line, problem));
            }
        }
        Ok(())
    }

    /// Looks at each object once. Otherwise, Lists of Lists by aliases would take exponential time.
    fn add_sealed_secrets(
        &self,
        object: Id,
        around: &[Id],
        seen: &mut HashSet<Id>,
        places: &mut Vec<Place>,
    ) {
        let tree = &self.tree;
        if !seen.insert(tree.resolve(object)) {
            return;
        }
        let kind = tree.get(object, "kind").and_then(|kind| tree.string(kind));
        match kind {
            Some("SealedSecret") => places.push(self.sealed_secret(object, around)),
            Some("List" | "SealedSecretList") => {
                let Some(list) = tree.get(object, "items") else { return };
                let around = [around, &[object, list]].concat();
                for item in tree.items(list).unwrap_or_default() {
                    if around.len() < MAX_DEPTH {
                        self.add_sealed_secrets(*item, &around, seen, places);
                    }
                }
            }
            _ => {}
        }
    }

    fn sealed_secret(&self, object: Id, around: &[Id]) -> Place {
        let spec = [Step::Key("spec".to_owned()), Step::Key("encryptedData".to_owned())];
        let mut place = self.descend(object, &spec).unwrap_or_else(|| Place {
            line: 0,
            identity: None,
            name: "spec.encryptedData".to_owned(),
            key: None,
            value: None,
            around: vec![object],
            object: None,
            problem: None,
        });
        place.object = Some(object);
        place.line = self.tree.node(object).line;
        place.identity = Some(self.identity(object));
        place.around = [around, &place.around].concat();
        if place.value.is_none() && self.has_old_format(object) {
            place.problem = Some(EditError::at(place.line, Problem::OldFormat));
        }
        place.problem = place.problem.or_else(|| self.check_metadata(object).err());
        place
    }

    /// Whether the whole Secret is one item, as kubeseal before 0.7 wrote it.
    fn has_old_format(&self, object: Id) -> bool {
        let data = self.tree.get(object, "spec").and_then(|spec| self.tree.get(spec, "data"));
        data.is_some_and(|data| self.tree.string(data).is_some())
    }

    fn walk(&self, root: Id, path: &Path) -> Option<Place> {
        let mut place = self.descend(root, &path.steps)?;
        path.as_str().clone_into(&mut place.name);
        Some(place)
    }

    /// None if a step leads nowhere.
    fn descend(&self, root: Id, steps: &[Step]) -> Option<Place> {
        let tree = &self.tree;
        let (mut at, mut key, mut around, mut problem) = (root, None, Vec::new(), None);
        for step in steps {
            around.push(at);
            (key, at) = match step {
                Step::Key(name) => {
                    let (key, value) = tree.entry(at, name)?;
                    problem = problem.or_else(|| self.check_duplicates(at).err());
                    (Some(key), value)
                }
                Step::Index(index) => (None, *tree.items(at)?.get(*index)?),
            };
            if tree.resolve(at) != at {
                let name = key.and_then(|key| tree.text(key)).unwrap_or_default();
                let alias = Problem::Alias { key: scalar::shown(name) };
                problem.get_or_insert_with(|| EditError::at(tree.node(at).line, alias));
                at = tree.resolve(at);
            }
        }
        let name = key.and_then(|key| tree.text(key)).unwrap_or("$").to_owned();
        let line = tree.node(key.unwrap_or(at)).line;
        let value = Some(at);
        Some(Place { line, identity: None, name, key, value, around, object: None, problem })
    }
}
