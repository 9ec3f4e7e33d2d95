//! `mtk-seal cert`: prints the certificate that sealing would use.

use crate::{
    certificate::{self, Expected, Source},
    error::Failure,
    output, project,
    report::Report,
};

/// The validated arguments.
pub(crate) struct Options {
    pub(crate) certificate: certificate::Options,
    pub(crate) project: project::Choice,
}

/// Prints the certificate on stdout, and its fingerprint and origin on stderr.
pub(crate) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let project = project::find(&options.project)?;
    let mut expected = project.map(|project| project.certificate).unwrap_or_default();
    if options.certificate.source == Some(Source::Cluster) {
        // The user wants to see the certificate of the cluster, to compare it.
        expected = Expected::default();
    }
    let got = certificate::get(&options.certificate, expected)?;
    report.note(&got.describe());
    Ok(output::write_stdout(got.certificate.to_pem().as_bytes())?)
}
