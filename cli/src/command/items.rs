//! `mtk-seal set`, `unset`, `rename`, `merge` and `edit`: edit the items of a SealedSecret in place.
//!
//! The crate `manifests` edits the text. The file is replaced only if the whole edit succeeds.

mod edit;
mod error;
mod outcome;
mod place;
mod prompt;
mod sealer;
mod value;

use std::path::PathBuf;

use manifests::{Change, Manifest};
use sources::ReadOptions;

pub(super) use self::place::{Bound, Selection, bound};
use self::{
    edit::EditOptions, error::ItemsError, outcome::Edit, sealer::Sealer, value::ValueSource,
};
use super::usage::{UsageError, certificate_options, project_choice, source_kind};
use crate::{
    args::{EditArgs, ItemsArgs, MergeArgs, PlaceArgs, SealingArgs, SetArgs},
    certificate,
    error::Failure,
    input::Input,
    project,
    report::Report,
    sealed_file::SealedFile,
};

/// The validated arguments.
pub(crate) struct Options {
    file: PathBuf,
    selection: Selection,
    dry_run: bool,
    action: Action,
}

enum Action {
    Set { key: String, value: ValueSource, sealing: Sealing },
    Unset { keys: Vec<String> },
    Rename { from: String, to: String },
    Merge { values: PathBuf, reading: ReadOptions, sealing: Sealing },
    Edit { editing: EditOptions, sealing: Sealing },
}

impl Action {
    /// Rejects wrong keys before any other error could show a value.
    fn check_keys(&self) -> Result<(), ItemsError> {
        match self {
            Self::Set { key, .. } => value::check_key(key),
            Self::Unset { keys } => keys.iter().try_for_each(|key| value::check_no_value(key)),
            Self::Rename { from, to } if from == to => {
                value::check_key(to)?;
                Err(ItemsError::SameKey { key: to.clone() })
            }
            Self::Rename { from, to } => {
                value::check_no_value(from)?;
                value::check_key(to)
            }
            Self::Merge { .. } | Self::Edit { .. } => Ok(()),
        }
    }
}

/// Where to get the certificate.
struct Sealing {
    certificate: certificate::Options,
    project: project::Choice,
}

/// Validates the arguments.
pub(super) fn options(args: ItemsArgs) -> Result<Options, UsageError> {
    Ok(match args {
        ItemsArgs::Set(SetArgs { key, file, from_file, insecure_value, place, sealing }) => {
            let value = match (from_file, insecure_value) {
                (Some(path), _) => ValueSource::File(path),
                (None, Some(value)) => ValueSource::Argument(value.into()),
                (None, None) => ValueSource::Ask,
            };
            Options::new(file, place, Action::Set { key, value, sealing: sealing.into() })
        }
        ItemsArgs::Unset(args) => {
            Options::new(args.file, args.place, Action::Unset { keys: args.keys })
        }
        ItemsArgs::Rename(args) => {
            Options::new(args.file, args.place, Action::Rename { from: args.from, to: args.to })
        }
        ItemsArgs::Merge(MergeArgs { values, file, from, tfvar, place, sealing }) => {
            let kind = from
                .map(source_kind)
                .or_else(|| tfvar.as_ref().map(|_| sources::SourceKind::Tfvars));
            if tfvar.is_some() && kind != Some(sources::SourceKind::Tfvars) {
                return Err(UsageError::TfvarWithOtherFormat);
            }
            let reading = ReadOptions { kind, variable: tfvar, skip_others: false };
            let sealing = sealing.into();
            Options::new(file, place, Action::Merge { values, reading, sealing })
        }
        ItemsArgs::Edit(EditArgs { file, keys, insecure_disk, place, sealing }) => {
            let editing = EditOptions { keys: keys.key, on_disk: insecure_disk };
            Options::new(file, place, Action::Edit { editing, sealing: sealing.into() })
        }
    })
}

impl Options {
    fn new(file: PathBuf, place: PlaceArgs, action: Action) -> Self {
        let PlaceArgs { name, namespace, scope, path, dry_run } = place;
        Self { file, selection: Selection { name, namespace, scope, path }, dry_run, action }
    }
}

impl From<SealingArgs> for Sealing {
    fn from(args: SealingArgs) -> Self {
        Self {
            certificate: certificate_options(args.cert, None, args.cluster),
            project: project_choice(args.project, args.environment.env),
        }
    }
}

/// Reads the file, changes it, and replaces it.
pub(super) fn run(options: Options, report: &Report) -> Result<(), Failure> {
    let Options { file, selection, dry_run, action } = options;
    action.check_keys()?;
    let file = SealedFile::open(&file)?;
    let manifest = file.manifest()?;
    let edit = match action {
        Action::Unset { keys } => {
            let remove = |key: &String| Change::Remove { key: key.clone() };
            Edit {
                changes: keys.iter().map(remove).collect(),
                notes: vec![format!("removed {}", keys.join(", "))],
            }
        }
        Action::Rename { from, to } => {
            let notes = vec![format!("renamed {from} to {to}")];
            Edit { changes: vec![Change::Rename { from, to }], notes }
        }
        Action::Set { key, value, sealing } => {
            let project = project::find(&sealing.project)?;
            let bound = place::bind(&manifest, &file.name, &selection, project.as_ref())?;
            // The file must be editable before the user types a value.
            let items = manifest.items(&bound.place).map_err(|error| file.error(error))?;
            let is_new = items.iter().all(|item| item.key != key);
            let value = value.read(&key, report)?;
            let sealer = Sealer::new(&sealing.certificate, project, report)?;
            let changes = vec![sealer.set(&bound, &key, &value)?];
            let word = if is_new { "added" } else { "changed" };
            Edit { changes, notes: vec![format!("{word} {key}")] }
        }
        Action::Merge { values, reading, sealing } => {
            let project = project::find(&sealing.project)?;
            let bound = place::bind(&manifest, &file.name, &selection, project.as_ref())?;
            merge(
                &file,
                &manifest,
                &bound,
                &values,
                &reading,
                |report| Sealer::new(&sealing.certificate, project, report),
                report,
            )?
        }
        Action::Edit { editing, sealing } => {
            let project = project::find(&sealing.project)?;
            let bound = place::bind(&manifest, &file.name, &selection, project.as_ref())?;
            let sealer = |report: &Report| Sealer::new(&sealing.certificate, project, report);
            edit::edit(&editing, &file, &manifest, &bound, sealer, report)?
        }
    };
    let place = place::select(&manifest, &file.name, &selection)?;
    let text = manifest.edit(&place, &edit.changes).map_err(|error| file.error(error))?;
    if !dry_run && text != file.text() {
        file.replace(&text, report)?;
    }
    for note in edit.notes {
        let note = format!("{}: {note}", file.name);
        report.note(&if dry_run { format!("{note} (dry run: nothing is written)") } else { note });
    }
    Ok(())
}

fn merge(
    file: &SealedFile,
    manifest: &Manifest<'_>,
    bound: &Bound,
    values: &std::path::Path,
    reading: &ReadOptions,
    sealer: impl FnOnce(&Report) -> Result<Sealer, Failure>,
    report: &Report,
) -> Result<Edit, Failure> {
    let inputs = Input::read_all(&[values.to_owned()], "values", report)?;
    let texts = inputs.iter().map(Input::source).collect::<Result<Vec<_>, _>>()?;
    let parsed = sources::read(&texts, reading)?;
    for warning in &parsed.warnings {
        report.warning(&warning.to_string());
    }
    let mut secrets = parsed.secrets.into_iter();
    let (Some(secret), None) = (secrets.next(), secrets.next()) else {
        return Err(ItemsError::SeveralSecrets { name: inputs[0].name.clone() }.into());
    };
    bound.check(&secret)?;
    let items = manifest.items(&bound.place).map_err(|error| file.error(error))?;
    let existing = |key: &String| items.iter().any(|item| item.key == *key);
    let (old, new): (Vec<&String>, Vec<&String>) =
        secret.data.keys().partition(|key| existing(key));
    let sealer = sealer(report)?;
    let changes = secret
        .data
        .iter()
        .map(|(key, value)| sealer.set(bound, key, value.expose()))
        .collect::<Result<_, _>>()?;
    let names =
        |keys: &[&String]| keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    if !new.is_empty() {
        notes.push(format!("added {}", names(&new)));
    }
    if !old.is_empty() {
        notes.push(format!("changed {}", names(&old)));
    }
    Ok(Edit { changes, notes })
}
