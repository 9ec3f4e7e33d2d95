//! The size of the certificate's key, for commands that need no network.

use std::path::Path;

use sealing::Certificate;

use crate::{
    certificate::{self, GetError, Source},
    cluster::Access,
    error::Failure,
    project::Project,
};

/// The size in bits of the key of this certificate, or else of the project file's. None if there is no
/// certificate in a file.
pub(super) fn of_files(
    certificate: Option<&Path>,
    project: Option<&Project>,
) -> Result<Option<usize>, Failure> {
    let of_project = || project?.certificate.source.clone();
    let of_flag = certificate.map(|path| Source::File(path.to_owned()));
    let Some(source @ (Source::File(_) | Source::CheckedFile(_))) = of_flag.or_else(of_project)
    else {
        return Ok(None);
    };
    let (origin, pem) = certificate::read(&source, false, &Access::default())?;
    let certificate = Certificate::from_pem(&pem).map_err(|error| GetError::Unusable {
        origin,
        source_kind: source,
        error,
    })?;
    Ok(Some(certificate.modulus_bits()))
}
