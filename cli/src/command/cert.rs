//! `mtk-seal cert`: prints the certificate that sealing would use.

use crate::{certificate, error::Failure, output, project, report::Report};

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) certificate: certificate::Options,
    pub(crate) project: project::Choice,
}

/// Prints the certificate on stdout, and its fingerprint and origin on stderr.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    let got =
        certificate::get(&options.certificate, project.and_then(|project| project.certificate))?;
    report.note(&got.describe());
    Ok(output::write_stdout(got.certificate.to_pem().as_bytes())?)
}
