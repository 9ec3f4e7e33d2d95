//! `--validate`: asks the controller whether it can decrypt SealedSecrets.

use super::{
    error::KubesealError,
    options::Options,
    remote::{Remote, Step},
    sealed_file::SealedFile,
};
use crate::{cluster::block_on, error::Failure, report::Report};

/// Where the controller checks SealedSecrets.
const ENDPOINT: &str = "/v1/verify";

/// Checks each SealedSecret, until one fails.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let file = SealedFile::read(&options.read("SealedSecrets", report)?, report)?;
    if file.sealed.is_empty() {
        report.note(&format!("{} contains no SealedSecret", file.name));
        return Ok(());
    }
    block_on(async {
        let remote = Remote::connect(options).await?;
        for sealed in &file.sealed {
            let answer = remote.post(ENDPOINT, &sealed.request(), Step::Validate).await?;
            if answer.is_none() {
                return Err(Failure {
                    details: vec![sealed.origin.clone()],
                    ..KubesealError::NotValid(sealed.name.clone()).into()
                });
            }
        }
        Ok(())
    })
}
