//! The places that an item may be sealed for: a scope with a name and namespace.

use std::collections::BTreeSet;

use sealing::{Label, Scope};
use sources::Node;

use crate::project::Project;

/// A scope, with the name and namespace that it binds an item to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Place {
    pub(super) fn label(&self) -> Label {
        self.scope.label(&self.namespace, &self.name)
    }

    /// This name and namespace in each scope, this scope first.
    pub(super) fn in_each_scope(&self) -> Vec<Self> {
        let others = [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide];
        let scopes = std::iter::once(self.scope)
            .chain(others.into_iter().filter(|other| *other != self.scope));
        scopes.map(|scope| Self { scope, ..self.clone() }).collect()
    }
}

/// Known and namespaces that occur in the files or the project file, or that the user named.
#[derive(Default)]
pub(super) struct Known {
    given_names: Vec<String>,
    given_namespaces: Vec<String>,
    names: Vec<String>,
    namespaces: Vec<String>,
    /// The namespace and name of an object.
    pairs: BTreeSet<(String, String)>,
}

impl Known {
    /// Those that the user named.
    pub(super) fn given(names: Vec<String>, namespaces: Vec<String>) -> Self {
        Self {
            names: names.clone(),
            namespaces: namespaces.clone(),
            given_names: names,
            given_namespaces: namespaces,
            pairs: BTreeSet::new(),
        }
    }

    /// Adds the names in the metadata of an object and of its template, and the namespace of a
    /// Kustomization.
    pub(super) fn add_object(&mut self, node: &Node) {
        let text =
            |node: Option<&Node>, key: &str| node?.get(key)?.source_text().map(str::to_owned);
        let own = node.get("metadata");
        if node.get("kind").and_then(Node::as_str) == Some("Namespace") {
            self.add(None, text(own, "name"));
            return;
        }
        let template = node.get("spec").and_then(|spec| spec.get("template")?.get("metadata"));
        for metadata in [own, template] {
            self.add(text(metadata, "name"), text(metadata, "namespace"));
        }
        self.add(None, text(Some(node), "namespace"));
    }

    /// Adds the names in the project file.
    pub(super) fn add_project(&mut self, project: &Project) {
        self.add(project.name.clone(), project.namespace.clone());
        for (_, environment) in &project.environments {
            self.add(environment.name.clone(), environment.namespace.clone());
        }
    }

    fn add(&mut self, name: Option<String>, namespace: Option<String>) {
        if let (Some(name), Some(namespace)) = (&name, &namespace) {
            self.pairs.insert((namespace.clone(), name.clone()));
        }
        for (list, text) in [(&mut self.names, name), (&mut self.namespaces, namespace)] {
            if let Some(text) = text.filter(|text| !list.contains(text)) {
                list.push(text);
            }
        }
    }

    /// The other places that an item of this object may be sealed for: combinations with the name or
    /// namespace of the object, those of another object, and those that the user named.
    pub(super) fn places(&self, own: &Place) -> Vec<Place> {
        let names: Vec<_> = std::iter::once(&own.name).chain(&self.names).collect();
        let mut places = Vec::new();
        for namespace in self.namespaces.iter().chain(std::iter::once(&own.namespace)) {
            let place = |scope, name: &str| Place {
                scope,
                namespace: namespace.clone(),
                name: name.to_owned(),
            };
            places.push(place(Scope::NamespaceWide, &own.name));
            let likely = names.iter().filter(|name| self.is_likely(own, namespace, name));
            places.extend(likely.map(|name| place(Scope::Strict, name)));
        }
        let mut seen: BTreeSet<_> =
            own.in_each_scope().iter().map(|place| place.label().as_bytes().to_vec()).collect();
        places.retain(|place| seen.insert(place.label().as_bytes().to_vec()));
        places
    }

    fn is_likely(&self, own: &Place, namespace: &String, name: &String) -> bool {
        *namespace == own.namespace
            || *name == own.name
            || self.given_namespaces.contains(namespace)
            || self.given_names.contains(name)
            || self.pairs.contains(&(namespace.clone(), name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Place {
        Place { scope: Scope::Strict, namespace: "a".to_owned(), name: "app".to_owned() }
    }

    fn labels(names: &Known) -> Vec<String> {
        let text = |place: &Place| String::from_utf8(place.label().as_bytes().to_vec()).unwrap();
        names.places(&own()).iter().map(text).collect()
    }

    #[test]
    fn names_of_other_objects_are_combined_with_the_own_ones() {
        let mut names = Known::default();
        names.add(Some("db".to_owned()), Some("b".to_owned()));
        names.add(Some("web".to_owned()), Some("c".to_owned()));
        let expected = ["b", "b/app", "b/db", "c", "c/app", "c/web", "a/db", "a/web"];
        assert_eq!(labels(&names), expected);
    }

    #[test]
    fn given_names_come_first_and_are_combined_with_all() {
        let mut names = Known::given(vec!["old".to_owned()], vec!["x".to_owned()]);
        names.add(Some("db".to_owned()), Some("b".to_owned()));
        let expected =
            ["x", "x/app", "x/old", "x/db", "b", "b/app", "b/old", "b/db", "a/old", "a/db"];
        assert_eq!(labels(&names), expected);
    }

    #[test]
    fn stated_scope_is_the_first() {
        let own = Place { scope: Scope::NamespaceWide, ..own() };
        let scopes: Vec<_> = own.in_each_scope().into_iter().map(|place| place.scope).collect();
        assert_eq!(scopes, [Scope::NamespaceWide, Scope::Strict, Scope::ClusterWide]);
    }

    #[test]
    fn documents_give_names_of_objects_templates_and_namespaces() {
        let text = "kind: Namespace\nmetadata: {name: b}\n---\nnamespace: k\n---\nkind: X\nmetadata: {name: n}\nspec: {template: {metadata: {name: t}}}\n";
        let mut names = Known::default();
        sources::parse_yaml(text).unwrap().iter().for_each(|node| names.add_object(node));
        assert_eq!(
            (names.names, names.namespaces),
            (vec!["n".to_owned(), "t".to_owned()], vec!["b".to_owned(), "k".to_owned()])
        );
    }
}
