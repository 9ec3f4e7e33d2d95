//! `--fetch-cert`: prints the certificate of the cluster, or the text of `--cert` as it is.

use super::{certificate, options::Options};
use crate::{
    error::Failure,
    output::{self, Audience},
    report::Report,
};

/// Prints or writes the certificate.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let pem = certificate::pem(options, report)?;
    Ok(output::write(&options.to, &pem, Audience::Everyone, report)?)
}
