//! `mtk-seal edit`: opens the items of a SealedSecret in an editor, and seals those that changed.
//!
//! With private keys, the editor shows the values. Without them, it shows blanks to fill in. The text
//! is in a file in memory that only the user can read, and which is wiped afterwards.

mod buffer;
mod editor;
mod scratch;

use std::{io::IsTerminal as _, path::PathBuf};

use manifests::{Change, Item as TextItem, Manifest};
use sealing::{Item, SealingKey};
use sources::{MAX_SECRET_BYTES, SecretBytes, is_secret_key};

use self::{
    buffer::{Edited, Shown},
    editor::Editor,
    scratch::Scratch,
};
use super::{error::ItemsError, outcome::Edit, place::Bound, sealer::Sealer};
use crate::{error::Failure, report::Report, sealed_file::SealedFile, unsealing};

/// How to edit.
pub(super) struct EditOptions {
    /// Private keys. Without any, values are not shown.
    pub(super) keys: Vec<PathBuf>,
    /// Whether the values may be written to a disk.
    pub(super) on_disk: bool,
}

/// The changes that the user makes in the editor.
pub(super) fn edit(
    options: &EditOptions,
    file: &SealedFile,
    manifest: &Manifest<'_>,
    bound: &Bound,
    sealer: impl FnOnce(&Report) -> Result<Sealer, Failure>,
    report: &Report,
) -> Result<Edit, Failure> {
    let items = manifest.items(&bound.place).map_err(|error| file.error(error))?;
    let keys = unsealing::load_keys(&options.keys)?;
    let shown = shown(file, items, bound, &keys, report)?;
    // While the editor runs, signals do not end the program. So all that may take long comes before.
    let sealer = sealer(report)?;
    let scratch = Scratch::new(options.on_disk)?;
    scratch.write(buffer::write(&file.name, &shown).as_bytes())?;
    let editor = Editor::from_environment();
    let edited = loop {
        editor.run(&scratch.path())?;
        let text = scratch.read()?;
        match buffer::read(&text, &shown).and_then(check_sizes) {
            Ok(edited) => break edited,
            Err(failure) if std::io::stdin().is_terminal() => {
                scratch.write(buffer::with_error(&text, &failure).as_bytes())?;
            }
            Err(failure) => return Err(failure),
        }
    };
    changes(edited, |key, value| sealer.set(bound, key, value))
}

fn check_sizes(edited: Vec<Edited>) -> Result<Vec<Edited>, Failure> {
    for change in &edited {
        if let Edited::Set { value, .. } = change
            && value.len() > MAX_SECRET_BYTES
        {
            return Err(ItemsError::TooLarge { size: value.len() }.into());
        }
    }
    Ok(edited)
}

fn changes(
    edited: Vec<Edited>,
    seal: impl Fn(&str, &[u8]) -> Result<Change, ItemsError>,
) -> Result<Edit, Failure> {
    let (mut added, mut replaced, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    let mut changes = Vec::new();
    for change in edited {
        match change {
            Edited::Remove { key } => {
                changes.push(Change::Remove { key: key.clone() });
                removed.push(key);
            }
            Edited::Set { key, value, is_new } => {
                changes.push(seal(&key, value.expose())?);
                if is_new { &mut added } else { &mut replaced }.push(key);
            }
        }
    }
    let lists = [("added", added), ("changed", replaced), ("removed", removed)];
    let mut notes: Vec<String> = lists
        .iter()
        .filter(|(_, keys)| !keys.is_empty())
        .map(|(word, keys)| format!("{word} {}", keys.join(", ")))
        .collect();
    if notes.is_empty() {
        notes.push("nothing changed".to_owned());
    }
    Ok(Edit { changes, notes })
}

/// The items with their values, or with a blank if there is no key.
fn shown(
    file: &SealedFile,
    items: Vec<TextItem>,
    bound: &Bound,
    keys: &[SealingKey],
    report: &Report,
) -> Result<Vec<Shown>, Failure> {
    let (mut shown, mut unopened) = (Vec::new(), Vec::new());
    for item in items {
        if !is_secret_key(&item.key) {
            report.warning(&format!(
                "{}:{}: not shown, because its key is not one of a Secret",
                file.name, item.line
            ));
            continue;
        }
        let value = open(&item, bound, keys);
        if value.is_none() {
            unopened.push(item.key.clone());
        }
        shown.push(Shown { key: item.key, value });
    }
    if keys.is_empty() {
        report.note("without a private key, the editor shows no values; fill in those to change");
    } else if !unopened.is_empty() {
        if unopened.len() == shown.len() {
            return Err(ItemsError::NoneOpens { file: file.name.clone() }.into());
        }
        report.warning(&format!("no key opens {}", unopened.join(", ")));
    }
    Ok(shown)
}

fn open(item: &TextItem, bound: &Bound, keys: &[SealingKey]) -> Option<SecretBytes> {
    let text: String = item.value.split_ascii_whitespace().collect();
    let sealed = Item::parse(&text).ok()?;
    let opened = sealing::open(&sealed, &bound.label, keys).ok()?;
    Some(SecretBytes::new(std::mem::take(&mut opened.plaintext.into_bytes())))
}
