//! `mtk-seal cert`: shows the certificate that would be used.

use crate::certificate;
use crate::error::Failure;
use crate::output::{self, Audience, Destination};
use crate::project;
use crate::report::Report;

/// What was asked for.
pub(crate) struct Options {
    pub(crate) certificate: certificate::Options,
    pub(crate) project: project::Choice,
}

/// Prints the certificate, and says on stderr which it is.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    let got = certificate::get(&options.certificate, project.as_ref())?;
    report.note(&got.describe());
    Ok(output::write(
        &Destination::Stdout,
        got.certificate.to_pem().as_bytes(),
        Audience::Everyone,
    )?)
}
