//! `mtk-seal template`: renders or lints the templates in manifests, offline.
//!
//! `manifests` reads the objects and `values` the values. `render` renders Secrets, `lint` finds
//! errors.

mod external;
mod lint;
mod lint_target;
mod manifests;
mod render;
mod store;
mod values;

use std::path::PathBuf;

use zeroize::Zeroizing;

use self::manifests::Manifests;
use crate::{
    error::Failure,
    input::Input,
    output::{self, Audience, Destination, Format},
    report::Report,
};

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) values: Option<PathBuf>,
    pub(crate) lint: bool,
    pub(crate) format: Format,
    pub(crate) to: Destination,
}

/// Reads the manifests, renders them, and writes the Secrets. With `--lint`, writes the template
/// errors instead.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let inputs = Input::read_all(&options.files, "manifests", report)?;
    let values = options.values.as_deref().map(values::read).transpose()?;
    let manifests = Manifests::read(&inputs, options.lint)?;
    drop(inputs);
    for skipped in &manifests.skipped {
        report.note(&format!("skipped {skipped}"));
    }
    if options.lint {
        return lint::run(&manifests, values.as_ref(), &options.to, report);
    }
    for store in &manifests.stores {
        report.note(&format!("skipped {}", store.place()));
    }
    let secrets = manifests
        .objects
        .iter()
        .map(|object| render::secret(object, &manifests, values.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    let text = Zeroizing::new(output::render(&secrets, options.format)?);
    Ok(output::write(&options.to, text.as_bytes(), Audience::Owner, report)?)
}
