//! `--re-encrypt`: lets the controller encrypt the items with its newest key.
//!
//! Only the items come from the response. Names, templates and annotations are those of the file.

use std::collections::BTreeMap;

use sealing::{Item, Scope};
use serde::Deserialize;

use super::{
    error::KubesealError,
    in_place::{self, Change},
    options::Options,
    remote::{Remote, Step},
    sealed_file::{Others, Sealed, SealedFile},
    sealed_secret,
};
use crate::{
    cluster::block_on,
    error::Failure,
    output::{self, Audience},
    report::Report,
    sealed_file::SealedFile as OpenFile,
};

/// Where the controller encrypts SealedSecrets again.
const ENDPOINT: &str = "/v1/rotate";

/// Encrypts all SealedSecrets of the input again. With `-f` and without `-w`, replaces the file. After
/// an error, and without SealedSecrets, the file is unchanged.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let opened = match &options.input {
        Some(path) if options.in_place => Some(OpenFile::open(path)?),
        _ => None,
    };
    let file = match &opened {
        Some(opened) => SealedFile::read(opened.input(), Others::Refuse, report)?,
        None => SealedFile::read(&options.read("SealedSecrets", report)?, Others::Refuse, report)?,
    };
    if file.sealed.is_empty() {
        report.note(&format!("{} contains no SealedSecret", file.name));
        return Ok(());
    }
    let changes: Vec<Change<'_>> = block_on(async {
        let remote = Remote::connect(&options.access).await?;
        let mut changes = Vec::new();
        for sealed in &file.sealed {
            let items = re_encrypted(&remote, sealed).await?;
            let (labels, annotations) = (BTreeMap::new(), BTreeMap::new());
            changes.push(Change { sealed, items, labels, annotations });
        }
        Ok::<_, Failure>(changes)
    })?;
    if let Some(opened) = &opened {
        let manifest = opened.manifest()?;
        let text = in_place::apply(&manifest, &file, &changes);
        return opened.replace(&text.map_err(|error| opened.error(error))?, report);
    }
    let documents = in_place::documents(&file, &changes);
    let text = sealed_secret::render(&documents, options.format)?;
    Ok(output::write(&options.to, text.as_bytes(), Audience::Everyone, report)?)
}

/// The new items of a SealedSecret.
async fn re_encrypted(
    remote: &Remote,
    sealed: &Sealed,
) -> Result<BTreeMap<String, String>, Failure> {
    if sealed.legacy.is_some() {
        let problem =
            "`spec.data` has the format of kubeseal before 0.7: decrypt and seal it again";
        return Err(KubesealError::ReEncrypt(format!("{}: {problem}", sealed.origin)).into());
    }
    let body = remote.post(ENDPOINT, &sealed.request(), Step::ReEncrypt).await?;
    let body = body.ok_or_else(|| KubesealError::NotRotated { name: sealed.object() })?;
    let items = items(&body, sealed);
    Ok(items
        .map_err(|problem| KubesealError::ReEncrypt(format!("{}: {problem}", sealed.origin)))?)
}

/// The part of the response that counts.
#[derive(Deserialize)]
struct Answer {
    metadata: AnswerMetadata,
    spec: AnswerSpec,
}

#[derive(Deserialize)]
struct AnswerMetadata {
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerSpec {
    encrypted_data: BTreeMap<String, String>,
}

/// Checks the response: the same keys and the same scope, and items that are well-formed.
fn items(body: &[u8], sealed: &Sealed) -> Result<BTreeMap<String, String>, &'static str> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "the controller did not return a SealedSecret")?;
    let items = answer.spec.encrypted_data;
    if !items.keys().eq(sealed.items.keys()) {
        return Err("the controller returned other keys");
    }
    if Scope::from_annotations(answer.metadata.annotations.as_ref()) != sealed.scope {
        return Err("the controller returned another scope");
    }
    if items.values().any(|item| Item::parse(item).is_err()) {
        return Err("the controller returned a malformed item");
    }
    Ok(items)
}
