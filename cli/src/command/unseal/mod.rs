//! `mtk-seal unseal`: opens SealedSecrets offline. `keys` reads private keys, `sealed` the files;
//! here they meet.

mod keys;
mod sealed;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crds::SealedSecret;
use sealing::{Item, OpenError, Plaintext, Scope, SealingKey};
use zeroize::Zeroizing;

use self::sealed::{Sealed, SealedError};
use crate::document::Document;
use crate::error::{Explain, Failure};
use crate::exit::Exit;
use crate::output::{self, Audience, Destination, Format};
use crate::report::Report;
use crate::secret::Secret;
use crate::source::input::Input;

/// What was asked for.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) skip_others: bool,
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) format: Format,
    pub(crate) to: Destination,
}

/// Reads keys and files, opens, and writes the Secrets.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let keys = keys::load(&options.keys)?;
    let inputs = Input::read_all(&options.files, "SealedSecrets", report)?;
    let mut documents = Vec::new();
    let mut unopened = Vec::new();
    for sealed in sealed::read(&inputs, options, report)? {
        match open(&sealed, &keys)? {
            Ok(document) => documents.push(document),
            Err(items) => unopened.extend(items),
        }
    }
    if !unopened.is_empty() {
        return Err(Unopened { items: unopened }.into());
    }
    let text = Zeroizing::new(output::render(&documents, options.format)?);
    Ok(output::write(&options.to, text.as_bytes(), Audience::Owner)?)
}

/// The Secret, or the items that could not be opened.
fn open(
    sealed: &Sealed,
    keys: &[SealingKey],
) -> Result<Result<Document, Vec<UnopenedItem>>, SealedError> {
    let opener = Opener { sealed, scope: sealed.resource.scope(), keys };
    let spec = &sealed.resource.spec;
    if let Some(data) = spec.data.as_deref().filter(|_| spec.encrypted_data.is_empty()) {
        return match opener.open("spec.data", data) {
            Ok(plaintext) => sealed.legacy(&plaintext).map(|secret| Ok(document(secret, sealed))),
            Err(item) => Ok(Err(vec![item])),
        };
    }
    let (mut data, mut unopened) = (BTreeMap::new(), Vec::new());
    for (key, text) in &spec.encrypted_data {
        match opener.open(key, text) {
            Ok(plaintext) => drop(data.insert(key.clone(), plaintext)),
            Err(item) => unopened.push(item),
        }
    }
    if !unopened.is_empty() {
        return Ok(Err(unopened));
    }
    sealed.secret(data).map(|secret| Ok(document(secret, sealed)))
}

/// Name and namespace are the SealedSecret's, whatever the template says.
fn document(secret: Secret, sealed: &Sealed) -> Document {
    Document::new(secret, &sealed.name, &sealed.namespace)
}

struct Opener<'a> {
    sealed: &'a Sealed,
    scope: Scope,
    keys: &'a [SealingKey],
}

impl Opener<'_> {
    fn open(&self, key: &str, text: &str) -> Result<Plaintext, UnopenedItem> {
        let Sealed { name, namespace, .. } = self.sealed;
        let failed =
            |reason| UnopenedItem { object: self.sealed.object(), key: key.to_owned(), reason };
        let item = Item::parse(text).map_err(|error| failed(Reason::Malformed(error)))?;
        let label = self.scope.label(namespace, name);
        let error = match sealing::open(&item, &label, self.keys) {
            Ok(opened) => return Ok(opened.plaintext),
            Err(error) => error,
        };
        let other = match error {
            OpenError::NoKeyOpens { .. } => {
                sealing::diagnose(&item, namespace, name, self.scope, self.keys)
            }
            OpenError::NoKeyOfThisSize { .. } => None,
        };
        Err(failed(match other {
            Some(sealed_for) => Reason::OtherScope { sealed_for, read_as: self.scope },
            None => Reason::Key(error),
        }))
    }
}

/// Items that no key opened.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be opened", plural(items.len(), "item"))]
struct Unopened {
    items: Vec<UnopenedItem>,
}

#[derive(Debug)]
struct UnopenedItem {
    /// `namespace/name`
    object: String,
    key: String,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    /// Not an item.
    #[error("{0}")]
    Malformed(sealing::Malformed),
    /// No key.
    #[error("{0}")]
    Key(OpenError),
    /// Another scope opens it.
    #[error(
        "it is sealed for the scope `{sealed_for}`, and the SealedSecret's annotations say `{read_as}`"
    )]
    OtherScope {
        /// The scope that opens it.
        sealed_for: Scope,
        /// The scope of the object.
        read_as: Scope,
    },
}

impl Reason {
    fn hint(&self) -> String {
        match self {
            Self::Malformed(_) => "a malformed item was damaged on its way: seal the value again".to_owned(),
            Self::Key(OpenError::NoKeyOfThisSize { .. }) => {
                "give the keys of the cluster that the file was sealed for, old ones too".to_owned()
            }
            Self::Key(OpenError::NoKeyOpens { .. }) => {
                "the key is another cluster's or an older one, or the name or namespace was changed after sealing".to_owned()
            }
            Self::OtherScope { sealed_for, .. } => match sealed_for.annotation() {
                Some(annotation) => format!("set the SealedSecret's annotation `{annotation}: \"true\"`"),
                None => "remove the scope annotation from the SealedSecret".to_owned(),
            },
        }
    }
}

impl Explain for Unopened {
    fn exit(&self) -> Exit {
        Exit::Unseal
    }

    fn details(&self) -> Vec<String> {
        self.items
            .iter()
            .map(|item| format!("{}: {}: {}", item.object, item.key, item.reason))
            .collect()
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = self.items.iter().map(|item| item.reason.hint()).collect();
        hints.sort();
        hints.dedup();
        hints
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
