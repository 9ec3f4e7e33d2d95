//! Seals values for one certificate.

use manifests::Change;

use super::{error::ItemsError, place::Bound};
use crate::{
    certificate::{self, FetchedCertificate},
    error::Failure,
    project::Project,
    report::Report,
};

/// Seals values for one certificate.
pub(super) struct Sealer {
    got: FetchedCertificate,
}

impl Sealer {
    /// Gets the certificate, and prints which one it is.
    pub(super) fn new(
        options: &certificate::Options,
        project: Option<Project>,
        report: &Report,
    ) -> Result<Self, Failure> {
        let got = certificate::get(
            options,
            project.map(|project| project.certificate).unwrap_or_default(),
        )?;
        report.note(&got.describe());
        Ok(Self { got })
    }

    /// The change that puts a value into an item.
    pub(super) fn set(&self, bound: &Bound, key: &str, value: &[u8]) -> Result<Change, ItemsError> {
        let value = self.got.certificate.seal(&bound.label, value);
        let value = value.map_err(|source| ItemsError::Seal { key: key.to_owned(), source })?;
        Ok(Change::Set { key: key.to_owned(), value })
    }
}
