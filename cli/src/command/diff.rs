//! `mtk-seal diff`: which values of SealedSecrets differ, offline, with the private keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    args::DiffArgs,
    error::{Explain, Failure},
    exit::Exit,
    input::Input,
    output,
    report::Report,
    unsealing::{self, SealedOptions},
};

/// The validated arguments.
pub(crate) struct Options {
    old: PathBuf,
    new: PathBuf,
    keys: Vec<PathBuf>,
    show: bool,
}

impl From<DiffArgs> for Options {
    fn from(args: DiffArgs) -> Self {
        Self { old: args.old, new: args.new, keys: args.keys.key, show: args.show }
    }
}

/// The values by object and key.
type Values = BTreeMap<(String, String), Zeroizing<Vec<u8>>>;

/// Opens both files, and writes one line for each value. Fails if a value differs.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let keys = unsealing::load_keys(&options.keys)?;
    let values = |path: &Path| -> Result<Values, Failure> {
        let sealed = SealedOptions { skip_others: true, name: None, namespace: None };
        let manifests = unsealing::open(&[Input::file(path)?], &sealed, &keys, report)??;
        Ok(manifests.iter().flat_map(crate::secret_manifest::SecretManifest::values).collect())
    };
    let (text, differ) = compare(&values(&options.old)?, &values(&options.new)?, options.show);
    output::write_stdout(text.as_bytes())?;
    if differ.is_none() { Ok(()) } else { Err(differ.into()) }
}

/// The lines, and how many values differ.
fn compare(old: &Values, new: &Values, show: bool) -> (Zeroizing<String>, Differ) {
    let mut differ = Differ::default();
    let mut text = Zeroizing::new(String::new());
    for place in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (before, after) = (old.get(place), new.get(place));
        let word = match (before, after) {
            (None, _) => count(&mut differ.added, "added"),
            (_, None) => count(&mut differ.removed, "removed"),
            (before, after) if before == after => "same",
            _ => count(&mut differ.changed, "changed"),
        };
        let (object, key) = (place.0.escape_debug(), place.1.escape_debug());
        // Writing to a String cannot fail.
        let _ = write!(text, "{word:8} {object}: {key}");
        if show && word != "same" {
            for (sign, value) in [('-', before), ('+', after)] {
                let Some(value) = value else { continue };
                let _ = write!(text, "\n  {sign} \"{}\"", value.escape_ascii());
            }
        }
        text.push('\n');
    }
    (text, differ)
}

fn count(number: &mut usize, word: &'static str) -> &'static str {
    *number += 1;
    word
}

/// How many values differ.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, thiserror::Error)]
#[error("values differ: {added} added, {changed} changed, {removed} removed")]
struct Differ {
    added: usize,
    changed: usize,
    removed: usize,
}

impl Differ {
    fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Explain for Differ {
    fn exit(&self) -> Exit {
        Exit::Failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(entries: &[(&str, &str)]) -> Values {
        let entry = |(key, value): &(&str, &str)| {
            (("web/app".to_owned(), (*key).to_owned()), Zeroizing::new(value.as_bytes().to_vec()))
        };
        entries.iter().map(entry).collect()
    }

    #[test]
    fn each_value_has_a_line_without_its_content() {
        let old = values(&[("A", "1"), ("B", "hunter2"), ("C", "3")]);
        let new = values(&[("A", "1"), ("C", "hunter3"), ("D", "4")]);
        let (text, differ) = compare(&old, &new, false);
        let lines =
            "same     web/app: A\nremoved  web/app: B\nchanged  web/app: C\nadded    web/app: D\n";
        assert_eq!(*text, lines);
        assert_eq!(differ, Differ { added: 1, changed: 1, removed: 1 });
        let (text, _) = compare(&old, &new, true);
        assert!(text.contains("web/app: C\n  - \"3\"\n  + \"hunter3\"\n"), "{}", *text);
    }

    #[test]
    fn equal_values_do_not_differ() {
        let all = values(&[("A", "1")]);
        assert!(compare(&all, &all, true).1.is_none());
    }
}
