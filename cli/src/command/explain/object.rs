//! Reads SealedSecrets, and the names of all objects beside them.

use sources::{Node, Value};

use super::place::{Known, Place};
use crate::{
    command::lint::{Metadata, metadata_problems},
    error::Failure,
    input::Input,
};

/// A SealedSecret.
pub(super) struct Object {
    /// The name of its file in messages.
    pub(super) file: String,
    /// Whether `file` is the path of a file, and not the standard input.
    pub(super) is_file: bool,
    pub(super) line: usize,
    /// The stated place. The name and namespace are empty if it has none.
    pub(super) place: Place,
    /// Contradictions in its metadata.
    pub(super) problems: Vec<String>,
    pub(super) items: Vec<Item>,
}

/// An item that may be damaged.
pub(super) struct Item {
    pub(super) key: String,
    /// None if it is not a string.
    pub(super) text: Option<String>,
    /// Whether it is the whole Secret, as kubeseal before 0.7 sealed it.
    pub(super) is_legacy: bool,
}

/// The SealedSecrets of an input. Adds the names in all its objects.
pub(super) fn read(input: &Input, names: &mut Known) -> Result<Vec<Object>, Failure> {
    let mut found = Vec::new();
    for node in sources::documents(input.source()?)? {
        add(&node, input, names, &mut found)?;
    }
    Ok(found)
}

fn add(
    node: &Node,
    input: &Input,
    names: &mut Known,
    found: &mut Vec<Object>,
) -> Result<(), Failure> {
    let kind = node.get("kind").and_then(Node::as_str);
    if let (Some("List" | "SealedSecretList"), Some(Value::List(items))) =
        (kind, node.get("items").map(|items| &items.value))
    {
        return items.iter().try_for_each(|item| add(item, input, names, found));
    }
    names.add_object(node);
    if kind == Some("SealedSecret") {
        sources::check_keys(&input.name, node)?;
        found.push(object(node, input));
    }
    Ok(())
}

fn object(node: &Node, input: &Input) -> Object {
    let Metadata { name, namespace, scope } = Metadata::of(node.get("metadata"));
    let field = |key| node.get("spec").and_then(|spec| spec.get(key));
    let entries = field("encryptedData").and_then(Node::entries).unwrap_or_default();
    let item = |key: &str, value: &Node, is_legacy| Item {
        key: key.to_owned(),
        text: value.as_str().map(str::to_owned),
        is_legacy,
    };
    let mut items: Vec<_> =
        entries.iter().map(|(key, value)| item(key.as_str(), value, false)).collect();
    items.extend(
        field("data").filter(|data| !data.is_null()).map(|data| item("spec.data", data, true)),
    );
    Object {
        file: input.name.clone(),
        is_file: input.path.is_some(),
        line: node.line,
        place: Place {
            scope,
            namespace: namespace.unwrap_or_default(),
            name: name.unwrap_or_default(),
        },
        problems: metadata_problems(node),
        items,
    }
}
