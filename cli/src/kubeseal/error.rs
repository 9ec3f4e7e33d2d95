//! The errors of kubeseal. Where scripts may match a text, it is the original's.

use crate::{
    error::{Explain, hint},
    exit::Exit,
};

/// Why the arguments cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum FlagError {
    /// A flag without its value.
    #[error("flag needs an argument: {argument}")]
    NoValue {
        /// The flag.
        argument: String,
    },
    /// An argument that is not text.
    #[error("an argument is not UTF-8")]
    NotUtf8,
    /// `--=x` or `---x`.
    #[error("bad flag syntax: {argument}")]
    Syntax {
        /// The argument.
        argument: String,
    },
    /// An unknown flag.
    #[error("unknown flag: --{name}")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// An unknown letter.
    #[error("unknown shorthand flag: {letter:?} in -{argument}")]
    UnknownLetter {
        /// The letter.
        letter: char,
        /// The rest of the argument.
        argument: String,
    },
    /// A value that the flag does not accept.
    #[error("invalid argument {value:?} for \"{flag}\" flag: {problem}")]
    Value {
        /// The value.
        value: String,
        /// The flag.
        flag: String,
        /// The problem.
        problem: String,
    },
    /// A variable with a value that its flag does not accept.
    #[error("invalid value of the variable {variable}: {problem}")]
    Variable {
        /// The variable.
        variable: String,
        /// The problem.
        problem: String,
    },
}

impl Explain for FlagError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Variable { .. } => hint("correct or unset the variable"),
            _ => hint("`kubeseal --help` lists the flags"),
        }
    }
}

/// Why kubeseal fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum KubesealError {
    /// An unknown format.
    #[error("unsupported output format: {0}")]
    Format(String),
    /// `--from-file` without `--raw`.
    #[error("--from-file requires --raw")]
    FromFileWithoutRaw,
    /// `--from-file` twice.
    #[error("must provide only one --from-file when encrypting a single item with --raw")]
    FromFileTwice,
    /// `--raw` without a name.
    #[error("must provide the --name flag with --raw and --scope strict")]
    RawName,
    /// `--raw` without a namespace.
    #[error("must provide the --namespace flag with --raw and --scope {0}")]
    RawNamespace(sealing::Scope),
    /// Neither the flags, the manifest nor the kubeconfig have a namespace.
    #[error("secret must declare a namespace")]
    NoNamespace,
    /// The manifest and the flag differ.
    #[error(
        "namespace mismatch: input secret is in namespace {manifest:?} but {flag:?} was specified"
    )]
    NamespaceMismatch {
        /// The namespace of the manifest.
        manifest: String,
        /// The namespace of the flag.
        flag: String,
    },
    /// The manifest has no name.
    #[error("missing metadata.name in input Secret")]
    NoName,
    /// The manifest has no data.
    #[error(
        "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used"
    )]
    Empty,
    /// No manifest in the input.
    #[error("no secrets found. Ensure the input is valid and UTF-8 encoded")]
    NoSecrets {
        /// Why, if the input is not empty.
        detail: Option<String>,
    },
    /// A field has the wrong type.
    #[error("{origin}: `{path}` must be {wanted}")]
    WrongType {
        /// `file:line`
        origin: String,
        /// The field.
        path: String,
        /// The type.
        wanted: &'static str,
    },
    /// A value of `data` is not base64.
    #[error("illegal base64 data at input byte {at}")]
    NotBase64 {
        /// The first bad byte.
        at: usize,
        /// `file:line` and the key.
        place: String,
    },
    /// A value cannot be sealed.
    #[error("cannot seal `{key}`: {source}")]
    Seal {
        /// The key.
        key: String,
        /// The problem.
        source: sealing::SealError,
    },
    /// The certificate has expired.
    #[error("failed to encrypt using an expired certificate on {0}")]
    Expired(String),
    /// The file has no certificate.
    #[error("data does not contain any valid RSA or ECDSA certificates")]
    NoCertificate {
        /// The problem.
        detail: String,
    },
    /// The certificate has another key.
    #[error("expected RSA public key but found {0}")]
    NotRsa(String),
    /// The SealedSecret has no name.
    #[error("{origin}: the SealedSecret has no name")]
    SealedWithoutName {
        /// `file:line`
        origin: String,
    },
    /// An object of another kind.
    #[error("{origin}: {kind} is not a SealedSecret")]
    OtherKind {
        /// `file:line`
        origin: String,
        /// The kind.
        kind: String,
    },
    /// The file for `--merge-into` has no SealedSecret for the Secret.
    #[error("{file}: no SealedSecret for the Secret {secret:?}")]
    NoTarget {
        /// The file.
        file: String,
        /// The Secret.
        secret: String,
    },
    /// The scope of the file is not the one that the Secret or the flag requests.
    #[error("scope mismatch: the file has the scope {file} but {wanted} was specified")]
    ScopeMismatch {
        /// The scope of the file.
        file: sealing::Scope,
        /// The scope of the Secret or the flag.
        wanted: sealing::Scope,
    },
    /// No key opens these items.
    #[error("no key could decrypt secret ({0})")]
    NoKey(String),
    /// `--recovery-unseal` without keys.
    #[error("no private key: give --recovery-private-key")]
    NoRecoveryKey,
    /// The controller cannot decrypt the SealedSecret.
    #[error("unable to decrypt sealed secret: {0}")]
    NotValid(String),
    /// The controller did not check the SealedSecret.
    #[error("cannot validate sealed secret: {0}")]
    Validate(String),
    /// The controller cannot decrypt the SealedSecret that it should encrypt again.
    #[error("unable to rotate secret")]
    NotRotated {
        /// The SealedSecret.
        name: String,
    },
    /// The controller did not encrypt the SealedSecret again.
    #[error("cannot re-encrypt secret: {0}")]
    ReEncrypt(String),
    /// The Service of the controller cannot be read.
    #[error("cannot get sealed secret service: {0}.")]
    Service(String),
    /// The controller gave no certificate.
    #[error("cannot fetch certificate: {0}")]
    Fetch(String),
    /// The kubeconfig cannot be used.
    #[error("invalid configuration: {0}")]
    Configuration(String),
    /// The kubeconfig lacks the context.
    #[error("context {0:?} does not exist")]
    NoContext(String),
    /// A file cannot be read.
    #[error("{verb} {path}: {cause}")]
    Open {
        /// The operation that failed.
        verb: &'static str,
        /// The file.
        path: String,
        /// The problem.
        cause: String,
    },
    /// The address gives no response.
    #[error("Get {url:?}: {cause}")]
    Get {
        /// The address.
        url: String,
        /// The problem.
        cause: String,
    },
    /// The address gives an error.
    #[error("cannot fetch {url:?}: {status}")]
    FetchStatus {
        /// The address.
        url: String,
        /// The status.
        status: String,
    },
    /// The link cannot be created.
    #[error("cannot create `{link}`: {cause}")]
    Install {
        /// The link.
        link: String,
        /// The problem.
        cause: String,
    },
}

impl Explain for KubesealError {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::NoSecrets { detail: Some(detail) } | Self::NoCertificate { detail } => {
                vec![detail.clone()]
            }
            Self::NotBase64 { place, .. } => vec![place.clone()],
            Self::NotRotated { name } => vec![format!("the controller cannot decrypt {name}")],
            _ => Vec::new(),
        }
    }

    fn hints(&self) -> Vec<String> {
        hint(match self {
            Self::Format(_) => "the formats are json and yaml",
            Self::NoNamespace => "give the namespace with --namespace or in the manifest",
            Self::NoName => "give the name with --name or in the manifest",
            Self::NoSecrets { .. } => {
                "the input is a Secret manifest; `mtk-seal` also reads dotenv files"
            }
            Self::WrongType { .. } => "put the value in quotes",
            Self::NotBase64 { .. } => "put plain text under `stringData`",
            Self::NoTarget { .. } => {
                "the name and namespace of the Secret choose a SealedSecret of the file"
            }
            Self::ScopeMismatch { .. } => {
                "the controller opens items only under the scope of the file: leave out --scope"
            }
            Self::Expired(_) => {
                "the controller creates a new key before the certificate expires: fetch it again"
            }
            Self::NoKey(_) | Self::NotValid(_) | Self::NotRotated { .. } => {
                "it was sealed for another cluster, name, namespace or scope; `mtk-seal unseal` lists the reasons, with the keys"
            }
            Self::Service(_) => {
                return vec![
                    "Please, use the flag --controller-name and --controller-namespace to set up the name and namespace of the sealed secrets controller".to_owned(),
                ];
            }
            Self::Install { .. } => {
                "give a directory of your PATH that you can write to, without another kubeseal"
            }
            _ => return Vec::new(),
        })
    }
}
