//! `mtk-seal init`: writes the project file, and the certificate beside it.

use std::path::{Path, PathBuf};

use sealing::Scope;
use serde::Serialize;

use crate::certificate;
use crate::error::{Explain, Failure, hint, shown};
use crate::exit::Exit;
use crate::output::{self, Audience, Destination};
use crate::project;
use crate::report::Report;

/// The certificate's file name. Not `.pem`: that is in many a `.gitignore`.
const CERTIFICATE: &str = ".mtk-seal.crt";
const HEADER: &str = "\
# What `mtk-seal` seals for in this directory and below. Commit it, and the certificate too:
# both are public. The fields are certificate, namespace, name and scope.
";

/// What was asked for.
pub(crate) struct Options {
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) scope: Option<Scope>,
    pub(crate) force: bool,
    pub(crate) certificate: certificate::Options,
}

/// Fetches the certificate, then writes both files.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    for file in [project::FILE, CERTIFICATE] {
        if !options.force && Path::new(file).symlink_metadata().is_ok() {
            return Err(Exists { path: file.into() }.into());
        }
    }
    let got = certificate::get(&options.certificate, None)?;
    let fields = Fields {
        certificate: CERTIFICATE,
        name: options.name.as_deref(),
        namespace: options.namespace.as_deref(),
        scope: options.scope.map(|scope| scope.to_string()),
    };
    let text = format!("{HEADER}{}", output::yaml(&fields)?);

    // The certificate first: a project file without it would be of no use.
    write(CERTIFICATE, &got.certificate.to_pem())?;
    write(project::FILE, &text)?;
    report.note(&got.describe());
    report.note(&format!("wrote {} and {CERTIFICATE}: commit both", project::FILE));
    let needs_namespace = options.scope != Some(Scope::ClusterWide);
    if options.name.is_none() || (options.namespace.is_none() && needs_namespace) {
        report.note("the name or the namespace is not in it: give `--name` and `--namespace` when sealing values");
    }
    Ok(())
}

fn write(file: &str, text: &str) -> Result<(), output::OutputError> {
    output::write(&Destination::File(file.into()), text.as_bytes(), Audience::Everyone)
}

#[derive(Serialize)]
struct Fields<'a> {
    certificate: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// A file that would be overwritten.
#[derive(Debug, thiserror::Error)]
#[error("`{}` exists already", shown(path))]
struct Exists {
    path: PathBuf,
}

impl Explain for Exists {
    fn exit(&self) -> Exit {
        Exit::Project
    }

    fn hints(&self) -> Vec<String> {
        hint("`--force` overwrites it, and fetches the certificate anew")
    }
}
