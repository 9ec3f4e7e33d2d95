//! `--validate`: asks the controller whether it can decrypt SealedSecrets.

use super::{
    error::KubesealError,
    options::Options,
    remote::{Remote, Step},
    sealed_file::{Others, Sealed, SealedFile},
};
use crate::{cluster::block_on, error::Failure, report::Report};

/// Where the controller checks SealedSecrets.
const ENDPOINT: &str = "/v1/verify";

/// Checks each SealedSecret, until one fails.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let file = SealedFile::read(&options.read("SealedSecrets", report)?, Others::Refuse, report)?;
    if file.sealed.is_empty() {
        report.note(&format!("{} contains no SealedSecret", file.name));
        return Ok(());
    }
    block_on(async {
        let remote = Remote::connect(&options.access).await?;
        for sealed in &file.sealed {
            if !verify(&remote, sealed).await? {
                return Err(Failure {
                    details: vec![sealed.origin.clone()],
                    ..KubesealError::NotValid(sealed.name.clone()).into()
                });
            }
        }
        Ok(())
    })
}

/// Whether the controller can decrypt the SealedSecret.
pub(crate) async fn verify(remote: &Remote, sealed: &Sealed) -> Result<bool, Failure> {
    Ok(remote.post(ENDPOINT, &sealed.request(), Step::Validate).await?.is_some())
}
