//! Checks dotenv files and Terraform variables for values that are not sealed.

use sources::{Input, ReadOptions, SourceKind};

use super::finding::{Checked, Rule};

/// Names of variables that contain secrets.
const SECRET_WORDS: [&str; 8] =
    ["secret", "password", "passwd", "token", "api_key", "apikey", "private_key", "credential"];
/// Names of variables that only point to secrets.
const REFERENCES: [&str; 5] = ["_arn", "_id", "_name", "_path", "_version"];

/// Reports each key of a dotenv file with a value. If the file is malformed, its lines may be parts of
/// values, so no key is named.
pub(super) fn dotenv(checked: &mut Checked<'_>, text: &str) {
    let options = ReadOptions { kind: Some(SourceKind::Dotenv), ..ReadOptions::default() };
    let Ok(parsed) = sources::read(&[Input { name: "", file_name: None, text }], &options) else {
        if text.lines().any(is_assignment) {
            let line = checked.line(is_assignment);
            let message = "a value is not sealed".to_owned();
            checked.add(line, "", Rule::PlainValues, message);
        }
        return;
    };
    for secret in &parsed.secrets {
        for (key, _) in secret.data.iter().filter(|(_, value)| !value.is_empty()) {
            let line = checked.line(|line| assigned(line) == Some(key));
            let message = format!("the value of `{}` is not sealed", key.escape_debug());
            checked.add(line, key, Rule::PlainValues, message);
        }
    }
}

fn is_assignment(line: &str) -> bool {
    !line.trim_start().starts_with('#')
        && line.split_once('=').is_some_and(|(_, value)| !value.trim().is_empty())
}

/// The key that a line of a dotenv file assigns.
fn assigned(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line);
    line.split_once('=').map(|(key, _)| key.trim())
}

/// Reports lines of Terraform variables, HCL or JSON, with a string that looks like a secret by the
/// name of its variable or of a map around it. The message names nothing, because a line may be part of
/// a value.
pub(super) fn tfvars(checked: &mut Checked<'_>, text: &str) {
    let mut around: Vec<bool> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with(['#', '/']) {
            continue;
        }
        let (name, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
        let is_secret = is_secret(name) || around.last().copied().unwrap_or_default();
        if line.ends_with('{') {
            around.push(is_secret);
        } else if line.starts_with('}') {
            around.pop();
        } else if is_secret && has_value(value) {
            let message = "a value that looks like a secret is not sealed".to_owned();
            checked.add(index + 1, "", Rule::PlainValues, message);
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.trim().trim_matches('"').to_ascii_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|word| name.contains(word))
        && !REFERENCES.iter().any(|end| name.ends_with(end))
}

/// Whether this is a string that is not empty, or the start of a heredoc or of a map on one line.
fn has_value(value: &str) -> bool {
    let value = value.trim().trim_end_matches(',');
    value.starts_with("<<")
        || value.contains('"') && !matches!(value, "\"\"") && !value.starts_with('[')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(check: fn(&mut Checked<'_>, &str), text: &str) -> Vec<usize> {
        let mut checked = Checked::new("f", text);
        check(&mut checked, text);
        assert!(checked.findings.iter().all(|f| !f.message.contains("hunter2")));
        checked.findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn every_value_of_a_dotenv_file_is_a_finding() {
        assert_eq!(lines(dotenv, "# A=1\nexport A=hunter2\nB=\nC = hunter2\n"), [2, 4]);
        assert!(lines(dotenv, "A=\n# nothing\n").is_empty());
        assert!(lines(dotenv, "").is_empty());
    }

    #[test]
    fn malformed_dotenv_file_is_a_finding_without_a_key() {
        assert_eq!(lines(dotenv, "# B=2\nA='unterminated\nhunter2=hunter2"), [2]);
    }

    #[test]
    fn tfvars_are_judged_by_their_names() {
        let text = "region = \"eu\"\ndb_password = \"hunter2\"\nempty_token = \"\"\n\
                    secret_arn = \"arn:aws:x\"\n# password = \"x\"\napp_secrets = {\n  A = \"hunter2\"\n\
                    }\nsize = \"large\"\nkey_token = <<EOT\nhunter2\nEOT\n";
        assert_eq!(lines(tfvars, text), [2, 7, 10]);
        assert_eq!(lines(tfvars, "{\n  \"api-key\": \"hunter2\",\n  \"zone\": \"a\"\n}"), [2]);
    }
}
