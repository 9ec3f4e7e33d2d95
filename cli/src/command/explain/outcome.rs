//! Whether an item opens, why not, and the remedy.

use sealing::{Malformed, Scope};

use super::{
    object::{Item, Object},
    place::Place,
};

/// How to get the keys of a cluster.
pub(super) const GET_KEYS: &str = "get the keys: kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml > keys.yaml";

/// An object, and the outcome of each of its items.
pub(super) struct Explained {
    pub(super) object: Object,
    pub(super) outcomes: Vec<Outcome>,
}

/// The result for one item.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// It opens under another scope, name or namespace.
    Elsewhere(Place),
    /// It is damaged.
    Malformed(Malformed),
    /// No key opens it.
    NoKey {
        /// The number of keys of its size.
        tried: usize,
    },
    /// It is not a string.
    NotText,
    /// It opens as it is.
    Opens,
    /// No key, or not the certificate, has its size.
    OtherSize {
        /// Its size.
        bits: usize,
        /// The sizes of the private keys.
        keys: Vec<usize>,
        /// The size of the certificate's key.
        certificate: Option<usize>,
    },
    /// Nothing is wrong, but without keys more is not known.
    WellFormed {
        /// Its size.
        bits: usize,
    },
}

impl Outcome {
    /// Whether it opens. None if that is not known.
    pub(super) fn opens(&self) -> Option<bool> {
        match self {
            Self::Opens => Some(true),
            Self::WellFormed { .. } => None,
            _ => Some(false),
        }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.opens() == Some(false)
    }

    /// Why it does not open. None if it opens, or if that is not known.
    pub(super) fn cause(&self, own: &Place) -> Option<String> {
        Some(match self {
            Self::Opens | Self::WellFormed { .. } => return None,
            Self::Elsewhere(found) => elsewhere(own, found),
            // The byte may be a part of a value that was never sealed.
            Self::Malformed(Malformed::NotBase64 { at, .. }) => {
                format!("it is not standard base64, at byte {at}")
            }
            Self::Malformed(error) => error.to_string(),
            Self::NoKey { tried: 1 } => "the key of its size does not open it: the right key is missing, or the item belongs to another cluster or object".to_owned(),
            Self::NoKey { tried } => format!("none of the {tried} keys of its size opens it: the right key is missing, or the item belongs to another cluster or object"),
            Self::NotText => "it is not a string".to_owned(),
            Self::OtherSize { bits, keys, certificate } => {
                other_size(*bits, keys, *certificate)
            }
        })
    }

    /// The steps that the user can take.
    pub(super) fn remedy(&self, object: &Object, item: &Item) -> Option<String> {
        let own = &object.place;
        Some(match self {
            Self::Opens | Self::WellFormed { .. } => return None,
            Self::Elsewhere(found) => {
                format!("{}, or {}", adapt(own, found), seal_again(object, item))
            }
            Self::Malformed(_) | Self::NotText => seal_again(object, item),
            Self::OtherSize { keys, .. } if keys.is_empty() => seal_again(object, item),
            Self::NoKey { .. } | Self::OtherSize { .. } => GET_KEYS.to_owned(),
        })
    }
}

pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn elsewhere(own: &Place, found: &Place) -> String {
    let scopes = |sealed: String, stated: String| {
        if own.scope == found.scope {
            format!("sealed for {sealed}, and the object {stated}")
        } else {
            format!(
                "sealed for {sealed} with the scope `{}`, and the object {stated} with the scope `{}`",
                found.scope, own.scope
            )
        }
    };
    let (namespace, name) = (found.namespace.escape_debug(), found.name.escape_debug());
    let (own_namespace, own_name) = (own.namespace.escape_debug(), own.name.escape_debug());
    match (found.namespace == own.namespace, found.name == own.name) {
        (true, true) => format!(
            "sealed for the scope `{}`, and the object has the scope `{}`",
            found.scope, own.scope
        ),
        (false, true) if own.namespace.is_empty() => {
            scopes(format!("the namespace `{namespace}`"), "states none".to_owned())
        }
        (false, true) => {
            scopes(format!("the namespace `{namespace}`"), format!("is in `{own_namespace}`"))
        }
        (true, false) => scopes(format!("the name `{name}`"), format!("has `{own_name}`")),
        (false, false) => {
            scopes(format!("`{namespace}/{name}`"), format!("is `{own_namespace}/{own_name}`"))
        }
    }
}

/// How to change the object so that the item opens.
fn adapt(own: &Place, found: &Place) -> String {
    let mut steps = Vec::new();
    if found.namespace != own.namespace {
        steps
            .push(format!("move the object to the namespace `{}`", found.namespace.escape_debug()));
    }
    if found.name != own.name {
        steps.push(format!("rename the object to `{}`", found.name.escape_debug()));
    }
    if found.scope != own.scope {
        steps.extend(
            own.scope
                .annotation()
                .filter(|_| own.scope < found.scope)
                .map(|annotation| format!("remove the annotation `{annotation}`")),
        );
        steps.extend(
            found
                .scope
                .annotation()
                .map(|annotation| format!("set the annotation `{annotation}: \"true\"`")),
        );
    }
    steps.join(" and ")
}

fn other_size(bits: usize, keys: &[usize], certificate: Option<usize>) -> String {
    let sizes: Vec<_> = keys.iter().map(ToString::to_string).collect();
    let others = [
        (!keys.is_empty()).then(|| format!("the given keys have {}", sizes.join(" and "))),
        certificate.map(|bits| format!("the certificate has {bits}")),
    ];
    let others: Vec<_> = others.into_iter().flatten().collect();
    format!("sealed with a key of {}, but {}", plural(bits, "bit"), others.join(", and "))
}

/// The command that seals the value for the object as it is.
fn seal_again(object: &Object, item: &Item) -> String {
    if item.is_legacy {
        return "seal the Secret again".to_owned();
    }
    let place = match (object.place.scope, object.place.namespace.is_empty()) {
        (Scope::Strict | Scope::NamespaceWide, false) => {
            format!(" for `{}`", object.place.namespace.escape_debug())
        }
        _ => String::new(),
    };
    let key = if sources::is_secret_key(&item.key) { item.key.as_str() } else { "KEY" };
    let file = if object.is_file { quoted(&object.file) } else { "FILE".to_owned() };
    format!("seal the value again{place}: mtk-seal set {key} {file}")
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@%,:".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.chars().any(char::is_control) {
        return "FILE".to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(scope: Scope, namespace: &str, name: &str) -> Place {
        Place { scope, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn causes_name_what_differs() {
        let own = place(Scope::Strict, "a", "app");
        for (found, cause) in [
            (
                place(Scope::Strict, "b", "app"),
                "sealed for the namespace `b`, and the object is in `a`",
            ),
            (place(Scope::Strict, "a", "db"), "sealed for the name `db`, and the object has `app`"),
            (place(Scope::Strict, "b", "db"), "sealed for `b/db`, and the object is `a/app`"),
            (
                place(Scope::ClusterWide, "a", "app"),
                "sealed for the scope `cluster-wide`, and the object has the scope `strict`",
            ),
            (
                place(Scope::NamespaceWide, "b", "app"),
                "sealed for the namespace `b` with the scope `namespace-wide`, and the object is in `a` with the scope `strict`",
            ),
        ] {
            assert_eq!(Outcome::Elsewhere(found).cause(&own).unwrap(), cause);
        }
        let nowhere = place(Scope::Strict, "", "app");
        let cause = Outcome::Elsewhere(own).cause(&nowhere).unwrap();
        assert_eq!(cause, "sealed for the namespace `a`, and the object states none");
    }

    #[test]
    fn annotations_that_win_are_removed() {
        let at = |scope| place(scope, "a", "app");
        let (cluster, namespace) = (at(Scope::ClusterWide), at(Scope::NamespaceWide));
        let strict = at(Scope::Strict);
        assert_eq!(
            adapt(&cluster, &namespace),
            "remove the annotation `sealedsecrets.bitnami.com/cluster-wide` and set the annotation `sealedsecrets.bitnami.com/namespace-wide: \"true\"`"
        );
        assert_eq!(
            adapt(&namespace, &strict),
            "remove the annotation `sealedsecrets.bitnami.com/namespace-wide`"
        );
        assert_eq!(
            adapt(&strict, &cluster),
            "set the annotation `sealedsecrets.bitnami.com/cluster-wide: \"true\"`"
        );
    }

    #[test]
    fn sizes_of_keys_and_certificate_are_shown() {
        let text = other_size(1024, &[2048, 4096], Some(3072));
        assert_eq!(
            text,
            "sealed with a key of 1024 bits, but the given keys have 2048 and 4096, and the certificate has 3072"
        );
    }

    #[test]
    fn byte_of_a_damaged_item_is_not_shown() {
        let error = Malformed::NotBase64 { at: 7, byte: b'!' };
        let cause = Outcome::Malformed(error).cause(&place(Scope::Strict, "a", "b"));
        assert_eq!(cause.unwrap(), "it is not standard base64, at byte 7");
    }

    #[test]
    fn file_names_are_quoted_for_the_shell() {
        assert_eq!(quoted("a/b-1.yaml"), "a/b-1.yaml");
        assert_eq!(quoted("it's $x"), r"'it'\''s $x'");
        assert_eq!(quoted("a\nb"), "FILE");
    }
}
