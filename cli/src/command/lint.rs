//! `mtk-seal lint`: finds damaged SealedSecrets and values that are not sealed, without a cluster.

mod files;
mod finding;
mod manifests;
mod render;
mod values;

use std::path::PathBuf;

pub(super) use self::manifests::{Metadata, metadata_problems};
use self::{
    files::{Candidate, Kind},
    finding::{Checked, Finding, Rule},
};
use super::{key_size, usage::project_choice};
use crate::{
    args::{LintArgs, LintFormat},
    error::{Explain, Failure},
    exit::Exit,
    output, project,
    report::Report,
};

/// The validated arguments.
pub(crate) struct Options {
    paths: Vec<PathBuf>,
    staged: bool,
    format: LintFormat,
    certificate: Option<PathBuf>,
    project: project::Choice,
}

impl From<LintArgs> for Options {
    fn from(args: LintArgs) -> Self {
        Self {
            paths: args.paths,
            staged: args.staged,
            format: args.format,
            certificate: args.cert,
            project: project_choice(args.project, None),
        }
    }
}

/// Checks all files, and writes the findings. Fails if there are any.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    let bits = key_size::of_files(options.certificate.as_deref(), project.as_ref())?;
    let candidates =
        if options.staged { files::staged()? } else { files::all(&options.paths, report)? };
    let mut findings = Vec::new();
    for candidate in &candidates {
        findings.extend(check(candidate, bits)?);
    }
    let text = render::render(&findings, options.format);
    output::write_stdout(text.as_bytes())?;
    report.note(&format!("checked {}", plural(candidates.len(), "file")));
    match findings.len() {
        0 => Ok(()),
        count => Err(Findings(count).into()),
    }
}

fn check(candidate: &Candidate, bits: Option<usize>) -> Result<Vec<Finding>, Failure> {
    let text = match candidate.read()? {
        Ok(text) => text,
        Err(message) => {
            let mut checked = Checked::new(&candidate.name, "");
            checked.add(1, "", Rule::Unreadable, message);
            return Ok(checked.findings);
        }
    };
    let mut checked = Checked::new(&candidate.name, &text);
    match candidate.kind {
        Kind::Manifest => manifests::check(&mut checked, &text, bits),
        Kind::Dotenv => values::dotenv(&mut checked, &text),
        Kind::Tfvars => values::tfvars(&mut checked, &text),
    }
    checked.findings.sort_by_key(|finding| (finding.line, finding.column, finding.rule));
    Ok(checked.findings)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// The number of findings.
#[derive(Debug, thiserror::Error)]
#[error("lint found {}", plural(*.0, "problem"))]
struct Findings(usize);

impl Explain for Findings {
    fn exit(&self) -> Exit {
        Exit::Failure
    }
}
