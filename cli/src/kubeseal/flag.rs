//! The list of flags.

/// The name of the original, and of our subcommand.
pub(super) const PROGRAM: &str = "kubeseal";

/// A flag.
pub(super) struct Flag {
    /// Without dashes.
    pub(super) name: &'static str,
    /// The letter after one dash.
    pub(super) short: Option<char>,
    /// The kind of its value.
    pub(super) value: ValueKind,
    /// The heading in the help.
    pub(super) group: Group,
    /// One line.
    pub(super) help: &'static str,
}

/// The kind of value that a flag takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ValueKind {
    /// None, or `=true` or `=false`.
    Bool,
    /// One text. The last one counts.
    Text(&'static str),
    /// Texts. Each adds to the list.
    List(&'static str),
}

/// The heading of a flag in the help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Group {
    /// Input and output.
    Files,
    /// Name, namespace, scope.
    Secret,
    /// What to do instead of sealing.
    Mode,
    /// The certificate and the controller.
    Certificate,
    /// kubectl's flags.
    Connection,
    /// Flags for logging, which have no effect.
    Log,
    /// Help and version.
    Other,
}

impl Group {
    /// The heading.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Files => "Files",
            Self::Secret => "Secret",
            Self::Mode => "Modes",
            Self::Certificate => "Certificate",
            Self::Connection => "Cluster, as in kubectl",
            Self::Log => "Accepted without effect",
            Self::Other => "Other",
        }
    }
}

impl Flag {
    /// The variable that sets it. The flags for logging have none.
    pub(super) fn variable(&self) -> Option<String> {
        let name = self.name.replace('-', "_").to_uppercase();
        (self.group != Log && !self.is_ours()).then(|| format!("SEALED_SECRETS_{name}"))
    }

    /// Whether the original lacks it.
    pub(super) fn is_ours(&self) -> bool {
        self.name == "install"
    }

    /// The flag as errors quote it.
    pub(super) fn quoted(&self) -> String {
        match self.short {
            Some(short) => format!("-{short}, --{}", self.name),
            None => format!("--{}", self.name),
        }
    }
}

const fn flag(name: &'static str, value: ValueKind, group: Group, help: &'static str) -> Flag {
    Flag { name, short: None, value, group, help }
}

const fn short(short: char, flag: Flag) -> Flag {
    Flag { short: Some(short), ..flag }
}

use Group::{Certificate, Connection, Files, Log, Mode, Other, Secret};
use ValueKind::{Bool, List, Text};

/// The flags, in the order of the help.
pub(super) const FLAGS: [Flag; 56] = [
    short(
        'f',
        flag(
            "secret-file",
            Text("FILE"),
            Files,
            "Secret manifest to read instead of the standard input",
        ),
    ),
    short(
        'w',
        flag(
            "sealed-secret-file",
            Text("FILE"),
            Files,
            "File to write instead of the standard output, replaced atomically and only on success",
        ),
    ),
    short(
        'o',
        flag(
            "format",
            Text("FORMAT"),
            Files,
            "json or yaml [default: json, or yaml with -w FILE.yaml]",
        ),
    ),
    flag("name", Text("NAME"), Secret, "Name of the Secret; --raw needs it with the scope strict"),
    short(
        'n',
        flag(
            "namespace",
            Text("NAMESPACE"),
            Secret,
            "Namespace of the Secret [default: the manifest's, or else that of the kubeconfig's context]",
        ),
    ),
    flag(
        "scope",
        Text("SCOPE"),
        Secret,
        "strict, namespace-wide or cluster-wide [default: strict, or the annotations of the manifest]",
    ),
    flag("allow-empty-data", Bool, Secret, "Accept a Secret without data and stringData"),
    flag("raw", Bool, Mode, "Encrypt one value, and print only its ciphertext"),
    flag("from-file", List("[KEY=]PATH"), Mode, "With --raw: read the value from this file"),
    flag("merge-into", Text("FILE"), Mode, "Add the items to this SealedSecret file, in place"),
    flag(
        "re-encrypt",
        Bool,
        Mode,
        "Let the controller encrypt SealedSecrets with its newest key; with -f in place",
    ),
    flag("rotate", Bool, Mode, "Deprecated name of --re-encrypt"),
    flag("validate", Bool, Mode, "Ask the controller whether it can decrypt SealedSecrets"),
    flag("fetch-cert", Bool, Mode, "Print the certificate"),
    flag(
        "recovery-unseal",
        Bool,
        Mode,
        "Decrypt SealedSecrets offline, with --recovery-private-key",
    ),
    flag(
        "recovery-private-key",
        List("FILE"),
        Mode,
        "Private keys: PEM, a key Secret, or a List of them; repeatable, or with commas",
    ),
    flag(
        "cert",
        Text("FILE|URL"),
        Certificate,
        "Certificate: a PEM file, or an http, https or file URL",
    ),
    flag(
        "controller-name",
        Text("NAME"),
        Certificate,
        "Service of the controller [default: mtk-controller, then sealed-secrets-controller]",
    ),
    flag(
        "controller-namespace",
        Text("NAMESPACE"),
        Certificate,
        "Namespace of the controller [default: kube-system]",
    ),
    flag(
        "kubeconfig",
        Text("FILE"),
        Connection,
        "Path of the kubeconfig [default: $KUBECONFIG or ~/.kube/config]",
    ),
    flag("context", Text("NAME"), Connection, "Context of the kubeconfig"),
    flag("cluster", Text("NAME"), Connection, "Cluster of the kubeconfig"),
    flag("user", Text("NAME"), Connection, "User of the kubeconfig"),
    flag("server", Text("URL"), Connection, "Address of the API server"),
    flag(
        "certificate-authority",
        Text("FILE"),
        Connection,
        "Certificate authority of the API server",
    ),
    flag(
        "insecure-skip-tls-verify",
        Bool,
        Connection,
        "Do not check the certificate of the API server",
    ),
    flag("tls-server-name", Text("NAME"), Connection, "Name in the certificate of the API server"),
    flag("proxy-url", Text("URL"), Connection, "Proxy to the API server"),
    flag("disable-compression", Bool, Connection, "Do not request compressed responses"),
    flag(
        "request-timeout",
        Text("DURATION"),
        Connection,
        "Limit for each request, such as 5s; 0 is the default of 35s",
    ),
    flag("client-certificate", Text("FILE"), Connection, "Certificate of the client"),
    flag("client-key", Text("FILE"), Connection, "Key of the client's certificate"),
    flag("token", Text("TOKEN"), Connection, "Bearer token"),
    flag("username", Text("NAME"), Connection, "User name for basic authentication"),
    flag("password", Text("PASSWORD"), Connection, "Password for basic authentication"),
    flag("as", Text("USER"), Connection, "User to impersonate"),
    flag("as-group", List("GROUP"), Connection, "Group to impersonate; repeatable"),
    flag("as-uid", Text("UID"), Connection, "UID to impersonate"),
    short('v', flag("v", Text("LEVEL"), Log, "Log level")),
    flag("vmodule", Text("LIST"), Log, "Log levels by file"),
    flag("add_dir_header", Bool, Log, "Directory in log lines"),
    flag("alsologtostderr", Bool, Log, "Log to stderr and to files"),
    flag("alsologtostderrthreshold", Text("LEVEL"), Log, "Level of the log on stderr"),
    flag("legacy_stderr_threshold_behavior", Bool, Log, "Threshold of the log on stderr"),
    flag("log_backtrace_at", Text("FILE:LINE"), Log, "Backtrace in the log"),
    flag("log_dir", Text("DIR"), Log, "Directory of log files"),
    flag("log_file", Text("FILE"), Log, "Log file"),
    flag("log_file_max_size", Text("MB"), Log, "Size of the log file"),
    flag("logtostderr", Bool, Log, "Log to stderr"),
    flag("one_output", Bool, Log, "Log each line once"),
    flag("skip_headers", Bool, Log, "No headers in the log"),
    flag("skip_log_headers", Bool, Log, "No headers in log files"),
    flag("stderrthreshold", Text("LEVEL"), Log, "Level of the log on stderr"),
    flag(
        "install",
        Text("DIR"),
        Other,
        "Create a symbolic link named kubeseal in this directory, to this program",
    ),
    flag("version", Bool, Other, "Print the version"),
    short('h', flag("help", Bool, Other, "Print this help")),
];

/// The flag of this name.
pub(super) fn by_name(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The flag of this letter.
pub(super) fn by_letter(letter: char) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.short == Some(letter))
}
