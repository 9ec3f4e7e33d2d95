//! The object that items are sealed for, as a SealedSecret states it.

use sealing::Scope;

use crate::{
    block,
    error::EditError,
    find::{Identity, Manifest},
    lines, template,
    tree::Id,
};

impl Manifest<'_> {
    /// Rejects duplicate keys where the identity of an object comes from. Readers differ in which one counts.
    pub(crate) fn check_metadata(&self, object: Id) -> Result<(), EditError> {
        let object = self.tree.resolve(object);
        let metadata = self.tree.get(object, "metadata");
        let annotations = metadata.and_then(|metadata| self.tree.get(metadata, "annotations"));
        [Some(object), metadata, annotations]
            .into_iter()
            .flatten()
            .try_for_each(|map| self.check_duplicates(map))
    }

    pub(crate) fn identity(&self, object: Id) -> Identity {
        let tree = &self.tree;
        let metadata = tree.get(object, "metadata");
        let mut is_templated = false;
        let mut field = |map: Option<Id>, key: &str| {
            let field = tree.get(map?, key)?;
            let is_computed = template::is_computed(&self.text[tree.node(field).span.clone()]);
            is_templated |= is_computed;
            Some(tree.text(field)?.to_owned()).filter(|_| !is_computed)
        };
        let (name, namespace) = (field(metadata, "name"), field(metadata, "namespace"));
        let annotations = metadata.and_then(|metadata| tree.get(metadata, "annotations"));
        let annotation = |key: &str| {
            let value = annotations.and_then(|all| tree.get(all, key))?;
            let value = tree.string(value)?;
            Some((key.to_owned(), value.to_owned()))
        };
        let scopes = [Scope::CLUSTER_WIDE_ANNOTATION, Scope::NAMESPACE_WIDE_ANNOTATION];
        let scopes = scopes.into_iter().filter_map(annotation).collect();
        let scope = Scope::from_annotations(Some(&scopes));
        let has_computed_scope = metadata.is_some_and(|map| self.has_computed_annotations(map));
        is_templated |= has_computed_scope;
        Identity { name, namespace, scope, is_templated, has_computed_scope }
    }

    /// Whether the annotations, or the lines right below them, have an action other than the end of a block
    /// that began above them.
    fn has_computed_annotations(&self, metadata: Id) -> bool {
        let Some((key, value)) = self.tree.entry(metadata, "annotations") else { return false };
        let start = self.tree.node(key).span.start;
        let end = block::entry_end(self, key, value).max(start);
        let after = &self.text[lines::next(self.text, end)..];
        let is_action = |line: &&str| line.trim_start().starts_with("{{");
        let below = after.split_inclusive('\n').take_while(is_action).collect::<String>();
        let text = &self.text[start..lines::end(self.text, end)];
        template::is_computed(text) || template::has_more_than_ends(&below)
    }
}
