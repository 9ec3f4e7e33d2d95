//! Chooses the mode. The order is the original's, so that a combination of modes does the same.

use std::path::PathBuf;

use super::{
    error::KubesealError, fetch_cert, flags::Flags, install, merge, options::Options, raw,
    re_encrypt, recovery, seal, validate,
};
use crate::{error::Failure, report::Report};

/// What to do.
pub(super) enum Mode {
    /// `--install`
    Install(PathBuf),
    /// `--recovery-unseal`, with these key files.
    Recovery(Options, Vec<PathBuf>),
    /// `--validate`
    Validate(Options),
    /// `--re-encrypt`. In place with `-f` and without `-w`.
    ReEncrypt(Options),
    /// `--fetch-cert`
    FetchCert(Options),
    /// `--merge-into`
    Merge(Options, PathBuf),
    /// `--raw`, with `--from-file`.
    Raw(Options, Option<PathBuf>),
    /// None of the others.
    Seal(Options),
}

impl Mode {
    /// The mode that the flags choose.
    pub(super) fn new(flags: &Flags) -> Result<Self, KubesealError> {
        let from_file = flags.list("from-file");
        if !from_file.is_empty() && !flags.is_set("raw") {
            return Err(KubesealError::FromFileWithoutRaw);
        }
        let options = Options::new(flags)?;
        Ok(if let Some(directory) = flags.some("install") {
            Self::Install(directory.into())
        } else if flags.is_set("recovery-unseal") {
            let keys = flags.list("recovery-private-key").iter().map(PathBuf::from).collect();
            Self::Recovery(options, keys)
        } else if flags.is_set("validate") {
            Self::Validate(options)
        } else if flags.is_set("re-encrypt") || flags.is_set("rotate") {
            Self::ReEncrypt(options)
        } else if flags.is_set("fetch-cert") {
            Self::FetchCert(options)
        } else if let Some(file) = flags.some("merge-into") {
            Self::Merge(options, file.into())
        } else if flags.is_set("raw") {
            Self::Raw(options, raw::file(from_file)?)
        } else {
            Self::Seal(options)
        })
    }

    /// Does it.
    pub(super) fn run(&self, report: &Report) -> Result<(), Failure> {
        match self {
            Self::Install(directory) => install::run(directory, report),
            Self::Recovery(options, keys) => recovery::run(options, keys, report),
            Self::Validate(options) => validate::run(options, report),
            Self::ReEncrypt(options) => re_encrypt::run(options, report),
            Self::FetchCert(options) => fetch_cert::run(options, report),
            Self::Merge(options, file) => merge::run(options, file, report),
            Self::Raw(options, file) => raw::run(options, file.as_deref(), report),
            Self::Seal(options) => seal::run(options, report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(words: &[&str]) -> &'static str {
        let words: Vec<_> = words.iter().map(Into::into).collect();
        match Mode::new(&Flags::parse(&words, |_| None).ok().unwrap()).ok().unwrap() {
            Mode::Install(_) => "install",
            Mode::Recovery(..) => "recovery",
            Mode::Validate(_) => "validate",
            Mode::ReEncrypt(_) => "re-encrypt",
            Mode::FetchCert(_) => "fetch-cert",
            Mode::Merge(..) => "merge",
            Mode::Raw(..) => "raw",
            Mode::Seal(_) => "seal",
        }
    }

    #[test]
    fn modes_have_the_precedence_of_the_original() {
        let all = ["--recovery-unseal", "--validate", "--rotate", "--fetch-cert", "--raw"];
        for (from, name) in
            ["recovery", "validate", "re-encrypt", "fetch-cert", "raw"].into_iter().enumerate()
        {
            assert_eq!(mode(&all[from..]), name);
        }
        assert_eq!(mode(&["--re-encrypt"]), "re-encrypt");
        assert_eq!(mode(&["--raw", "--merge-into", "a.yaml"]), "merge");
        assert_eq!(mode(&["--install", "bin"]), "install");
        assert_eq!(mode(&[]), "seal");
    }

    #[test]
    fn value_file_needs_raw_and_comes_once() {
        for (words, message) in [
            (&["--from-file=a"][..], "--from-file requires --raw"),
            (
                &["--raw", "--from-file=a", "--from-file=b"],
                "must provide only one --from-file when encrypting a single item with --raw",
            ),
        ] {
            let words: Vec<_> = words.iter().map(Into::into).collect();
            let flags = Flags::parse(&words, |_| None).ok().unwrap();
            assert_eq!(Mode::new(&flags).err().unwrap().to_string(), message);
        }
    }
}
