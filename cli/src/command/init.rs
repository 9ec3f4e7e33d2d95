//! `mtk-seal init`: writes the project file, and the certificate next to it.

use std::path::{Path, PathBuf};

use sealing::Scope;
use serde::Serialize;

use crate::{
    certificate::{self, Expected},
    error::{Explain, Failure, hint, shown},
    exit::Exit,
    output::{self, Audience, Destination},
    project,
    report::Report,
};

/// The certificate's file name. Not `.pem`, because many `.gitignore` files contain that.
const CERTIFICATE_FILE: &str = ".mtk-seal.crt";
const FILE_HEADER: &str = "\
# Defaults for `mtk-seal` in this directory and below. Commit this file and the certificate: both are
# public. The fields are certificate, fingerprint, namespace, name and scope.
";

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) force: bool,
    pub(crate) certificate: certificate::Options,
}

/// Fetches the certificate, then writes both files.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    for file in [project::FILE_NAME, CERTIFICATE_FILE] {
        if !options.force && Path::new(file).symlink_metadata().is_ok() {
            return Err(FileExists { path: file.into() }.into());
        }
    }
    let got = certificate::get(&options.certificate, Expected::default())?;
    let fields = Fields {
        certificate: CERTIFICATE_FILE,
        fingerprint: got.certificate.fingerprint().to_string(),
        name: options.name.as_deref(),
        namespace: options.namespace.as_deref(),
        scope: options.scope.map(|scope| scope.to_string()),
    };
    let text = format!("{FILE_HEADER}{}", output::yaml(&fields)?);

    // Write the certificate first: a project file without it is useless.
    write(CERTIFICATE_FILE, &got.certificate.to_pem(), report)?;
    write(project::FILE_NAME, &text, report)?;
    report.note(&got.describe());
    report.note(&format!("wrote {} and {CERTIFICATE_FILE}: commit both", project::FILE_NAME));
    let needs_namespace = options.scope != Some(Scope::ClusterWide);
    if options.name.is_none() || (options.namespace.is_none() && needs_namespace) {
        report.note("the project file lacks a name or namespace: give `--name` and `--namespace` when you seal values");
    }
    Ok(())
}

fn write(file: &str, text: &str, report: &Report) -> Result<(), output::OutputError> {
    output::write(&Destination::File(file.into()), text.as_bytes(), Audience::Everyone, report)
}

#[derive(Serialize)]
struct Fields<'a> {
    certificate: &'a str,
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// A file that would be overwritten.
#[derive(Debug, thiserror::Error)]
#[error("`{}` already exists", shown(path))]
struct FileExists {
    path: PathBuf,
}

impl Explain for FileExists {
    fn exit(&self) -> Exit {
        Exit::Project
    }

    fn hints(&self) -> Vec<String> {
        hint("`--force` overwrites it, and fetches the certificate again")
    }
}
