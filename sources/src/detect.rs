//! Detects the syntax of an input from its file name, or else from its content.

use crate::{kind::SourceKind, tfvars};

/// The syntax of an input. Whether JSON or YAML contains manifests is known only after parsing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Syntax {
    /// `KEY=value` lines.
    Dotenv,
    /// Terraform variables.
    Tfvars,
    /// Terraform variables as JSON.
    TfvarsJson,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// The syntax that a file name indicates.
pub(crate) fn syntax_of_name(file_name: &str) -> Option<Syntax> {
    let name = file_name.to_ascii_lowercase();
    let ends = |suffix: &str| name.ends_with(suffix);
    if ends(".tfvars") {
        Some(Syntax::Tfvars)
    } else if ends(".tfvars.json") {
        Some(Syntax::TfvarsJson)
    } else if ends(".json") {
        Some(Syntax::Json)
    } else if ends(".yaml") || ends(".yml") {
        Some(Syntax::Yaml)
    } else if ends(".env") || name.starts_with(".env.") || name.contains(".env.") || name == "env" {
        // `.env`, `prod.env`, `.env.local`, `secrets.env.example`.
        Some(Syntax::Dotenv)
    } else {
        None
    }
}

/// The syntax of a text, judged by its first line that is neither blank nor a comment. None if no
/// rule fits.
pub(crate) fn syntax_of_content(text: &str, variable: Option<&str>) -> Option<Syntax> {
    // A CR without LF ends a line of YAML, and is an error of dotenv.
    let mut lines = text.split(['\n', '\r']).map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !is_comment(line))?;
    if line.starts_with(['{', '[']) {
        return Some(Syntax::Json);
    }
    if line.starts_with("---") || line.starts_with('%') {
        return Some(Syntax::Yaml);
    }
    let colon = line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1));
    match (line.find('='), colon) {
        (Some(equals), colon) if colon.is_none_or(|colon| equals < colon) => {
            let is_tfvars = text.lines().any(|line| opens_map(line, variable));
            Some(if is_tfvars { Syntax::Tfvars } else { Syntax::Dotenv })
        }
        (_, Some(_)) => Some(Syntax::Yaml),
        _ => None,
    }
}

/// The syntax of a text whose kind is known.
pub(crate) fn syntax_of_kind(kind: SourceKind, text: &str) -> Syntax {
    let is_json = text.trim_start().starts_with(['{', '[']);
    match kind {
        SourceKind::Dotenv => Syntax::Dotenv,
        SourceKind::Tfvars if is_json => Syntax::TfvarsJson,
        SourceKind::Tfvars => Syntax::Tfvars,
        SourceKind::Manifest if is_json => Syntax::Json,
        SourceKind::Json => Syntax::Json,
        SourceKind::Yaml | SourceKind::Manifest => Syntax::Yaml,
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') || line.starts_with("//") || line.starts_with("/*")
}

/// Whether the line opens a map as Terraform writes it: `NAME = {`. For other variables than ours,
/// nothing may follow the brace, because a dotenv value may be JSON.
fn opens_map(line: &str, variable: Option<&str>) -> bool {
    let Some((name, value)) = line.split_once('=') else {
        return false;
    };
    let (name, value) = (name.trim(), value.trim());
    let value = value.split_once(['#', '/']).map_or(value, |(value, _)| value.trim_end());
    let is_ours = name == variable.unwrap_or(tfvars::DEFAULT_VARIABLE);
    tfvars::is_variable(name)
        && (value == "{" || value == "{}" || (is_ours && value.starts_with('{')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_name_determines_syntax() {
        for (name, syntax) in [
            (".env", Some(Syntax::Dotenv)),
            ("secrets.env", Some(Syntax::Dotenv)),
            (".env.local", Some(Syntax::Dotenv)),
            ("secrets.env.example", Some(Syntax::Dotenv)),
            ("prod.tfvars", Some(Syntax::Tfvars)),
            ("prod.auto.tfvars.json", Some(Syntax::TfvarsJson)),
            ("a.json", Some(Syntax::Json)),
            ("a.YAML", Some(Syntax::Yaml)),
            ("a.env.yml", Some(Syntax::Yaml)),
            ("secrets", None),
            ("a.txt", None),
        ] {
            assert_eq!(syntax_of_name(name), syntax, "{name}");
        }
    }

    #[test]
    fn content_determines_syntax_without_a_known_file_name() {
        for (text, syntax) in [
            ("A=1\n", Some(Syntax::Dotenv)),
            ("# c\n\nexport A = x: y\n", Some(Syntax::Dotenv)),
            ("A={\"json\": 1}\n", Some(Syntax::Dotenv)),
            ("CONFIG={}x\n", Some(Syntax::Dotenv)),
            ("URL=http://a: b\n", Some(Syntax::Dotenv)),
            ("A: x=y\n", Some(Syntax::Yaml)),
            ("A:\n  x=y\n", Some(Syntax::Yaml)),
            ("---\nA=1\n", Some(Syntax::Yaml)),
            ("apiVersion: v1\n", Some(Syntax::Yaml)),
            ("  {\"a\": 1}", Some(Syntax::Json)),
            ("region = \"eu\"\napp_secrets = {\n", Some(Syntax::Tfvars)),
            ("app_secrets = { A = \"1\" }", Some(Syntax::Tfvars)),
            ("// c\nother = { # c\n", Some(Syntax::Tfvars)),
            ("# c\rA=1\r", Some(Syntax::Dotenv)),
            ("# c\rA: 1\r", Some(Syntax::Yaml)),
            ("hunter2\n", None),
            ("# only\n", None),
            ("", None),
        ] {
            assert_eq!(syntax_of_content(text, None), syntax, "{text:?}");
        }
        assert_eq!(syntax_of_content("mine = { A = 1 }", Some("mine")), Some(Syntax::Tfvars));
    }
}
