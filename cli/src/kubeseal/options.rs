//! The flags as values.

use std::path::PathBuf;

use sealing::Scope;

use super::{connection, error::KubesealError, flags::Flags};
use crate::{
    cluster::Access,
    error::Failure,
    input::Input,
    output::{Destination, Format},
    report::Report,
};

/// The flags as values.
pub(super) struct Options {
    /// `--secret-file`
    pub(super) input: Option<PathBuf>,
    /// `--sealed-secret-file`, or the standard output.
    pub(super) to: Destination,
    /// Whether `--re-encrypt` replaces its input.
    pub(super) in_place: bool,
    /// `--format`, or the format of the name of the output.
    pub(super) format: Format,
    /// `--name`
    pub(super) name: Option<String>,
    /// `--namespace`
    pub(super) namespace: Option<String>,
    /// `--scope`. None is `strict`, which leaves the annotations of the manifest.
    pub(super) scope: Option<Scope>,
    /// `--allow-empty-data`
    pub(super) allow_empty: bool,
    /// `--cert`
    pub(super) cert: Option<String>,
    /// The cluster and the controller.
    pub(super) access: Access,
}

impl Options {
    /// Reads the flags that all modes have in common.
    pub(super) fn new(flags: &Flags) -> Result<Self, KubesealError> {
        let to = Destination::from_flag(flags.some("sealed-secret-file").map(PathBuf::from));
        Ok(Self {
            input: flags.some("secret-file").map(PathBuf::from),
            in_place: flags.text("sealed-secret-file").is_empty(),
            format: format(flags.text("format"), &to)?,
            to,
            name: flags.some("name"),
            namespace: flags.some("namespace").map(|name| bare_namespace(&name).to_owned()),
            scope: flags.text("scope").parse().ok().filter(|scope| *scope != Scope::Strict),
            allow_empty: flags.is_set("allow-empty-data"),
            cert: flags.some("cert"),
            access: connection::access(flags),
        })
    }

    /// Reads the file, or else the standard input.
    pub(super) fn read(&self, what: &str, report: &Report) -> Result<Input, Failure> {
        let Some(path) = &self.input else {
            return Ok(Input::stdin(what, report)?);
        };
        Input::file(path).map_err(|error| Failure {
            cause: "Could not read file specified with --secret-file".to_owned(),
            details: vec![error.to_string()],
            hints: Vec::new(),
            ..KubesealError::NoSecrets { detail: None }.into()
        })
    }
}

/// A name such as `team.yaml` decides over the flag.
fn format(flag: &str, to: &Destination) -> Result<Format, KubesealError> {
    let format = match flag.to_lowercase().as_str() {
        "" | "json" => Format::Json,
        "yaml" => Format::Yaml,
        _ => return Err(KubesealError::Format(flag.to_owned())),
    };
    let is_yaml = |path: &PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    Ok(match to {
        Destination::File(path) if is_yaml(path) => Format::Yaml,
        _ => format,
    })
}

/// kubectl also accepts `namespace/web`.
fn bare_namespace(text: &str) -> &str {
    let prefixes = ["namespace/", "namespaces/", "ns/"];
    prefixes.into_iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Result<Options, KubesealError> {
        let words: Vec<_> = words.iter().map(Into::into).collect();
        Options::new(&Flags::parse(&words, |_| None).ok().unwrap())
    }

    #[test]
    fn format_is_json_unless_the_flag_or_the_file_name_says_yaml() {
        let format = |words: &[&str]| options(words).ok().unwrap().format;
        assert_eq!(format(&[]), Format::Json);
        assert_eq!(format(&["-o", "YAML"]), Format::Yaml);
        assert_eq!(format(&["-w", "a.yml", "-o", "json"]), Format::Yaml);
        assert_eq!(format(&["-w", "a.YAML"]), Format::Json);
        assert_eq!(format(&["-w", "a.json", "--format="]), Format::Json);
        let error = options(&["-o", "toml"]).err().unwrap();
        assert_eq!(error.to_string(), "unsupported output format: toml");
    }

    #[test]
    fn namespace_may_have_the_prefix_of_kubectl() {
        for text in ["web", "ns/web", "namespace/web", "namespaces/web"] {
            let namespace = options(&["-n", text]).ok().unwrap().namespace;
            assert_eq!(namespace.as_deref(), Some("web"), "{text}");
        }
    }
}
