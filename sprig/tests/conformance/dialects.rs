//! Corpora of templates in all dialects.

use gotemplate::Dialect;

use crate::corpus::Corpus;

/// Reads a corpus.
pub(crate) fn read(text: &str) -> Corpus {
    Corpus::read(text, |name| match name {
        "sealed-secret" => sprig::dialect(),
        "external-secret" => sprig::external_secrets_dialect(),
        _ => Dialect::go(),
    })
}
