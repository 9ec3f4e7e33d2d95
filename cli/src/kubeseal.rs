//! `kubeseal`: the flags, output and messages of Bitnami's kubeseal, for scripts that call it.
//!
//! `flag` lists the flags, `flags` reads them as the original's parser does, and `options` chooses the
//! mode. Each mode has its own module. Sealing, certificates, keys and files are those of `mtk-seal`.
//! `docs/compatibility.md` lists the intended differences.

mod certificate;
mod connection;
mod decode;
mod error;
mod fetch_cert;
mod flag;
mod flags;
mod help;
mod in_place;
mod install;
mod merge;
mod mode;
mod namespace;
mod options;
mod program;
mod raw;
mod re_encrypt;
mod recovery;
mod remote;
mod seal;
mod sealed_file;
mod sealed_secret;
mod secret;
mod timeout;
mod validate;

pub(crate) use self::{
    help::command,
    program::{call, main},
    remote::Remote,
    sealed_file::{Others, SealedFile},
    validate::verify,
};
