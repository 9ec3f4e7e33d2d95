//! The findings as text, JSON or SARIF.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::finding::{Finding, Rule};
use crate::args::LintFormat;

/// The findings in a format, with a line break at the end.
pub(super) fn render(findings: &[Finding], format: LintFormat) -> String {
    match format {
        LintFormat::Text => text(findings),
        LintFormat::Json => pretty(&Json::Array(findings.iter().map(object).collect())),
        LintFormat::Sarif => pretty(&sarif(findings)),
    }
}

fn pretty(value: &Json) -> String {
    format!("{value:#}\n")
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { file, line, column, rule, message } in findings {
        let file = file.escape_debug();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{file}:{line}:{column}: {}: {message}", rule.id());
        let _ = writeln!(text, "  hint: {}", rule.hint());
    }
    text
}

fn object(finding: &Finding) -> Json {
    json!({
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "rule": finding.rule.id(),
        "message": finding.message,
        "hint": finding.rule.hint(),
    })
}

fn sarif(findings: &[Finding]) -> Json {
    let rules = Rule::ALL.map(|rule| {
        json!({
            "id": rule.id(),
            "shortDescription": { "text": rule.summary() },
            "help": { "text": rule.hint() },
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mtk-seal",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn result(finding: &Finding) -> Json {
    json!({
        "ruleId": finding.rule.id(),
        "level": "error",
        "message": { "text": finding.message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.file) },
            "region": { "startLine": finding.line, "startColumn": finding.column },
        }}],
    })
}

/// The path as a relative reference, or as a `file:` URI if it is absolute.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding() -> Finding {
        Finding {
            file: "./a b/é.yaml".to_owned(),
            line: 3,
            column: 5,
            rule: Rule::DamagedItem,
            message: "m".to_owned(),
        }
    }

    /// The fields that the schema of SARIF 2.1.0 requires, and those that code hosts need.
    #[test]
    fn sarif_has_the_required_fields() {
        let log: Json = serde_json::from_str(&render(&[finding()], LintFormat::Sarif)).unwrap();
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "mtk-seal");
        let result = &run["results"][0];
        let ids: Vec<_> =
            driver["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
        assert!(ids.contains(&&result["ruleId"]));
        assert_eq!(result["message"]["text"], "m");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/%C3%A9.yaml");
        assert_eq!(place["region"], json!({ "startLine": 3, "startColumn": 5 }));
    }

    #[test]
    fn no_findings_are_an_empty_log_and_not_nothing() {
        assert_eq!(render(&[], LintFormat::Text), "");
        assert_eq!(render(&[], LintFormat::Json), "[]\n");
        let log: Json = serde_json::from_str(&render(&[], LintFormat::Sarif)).unwrap();
        assert_eq!(log["runs"][0]["results"], json!([]));
    }

    #[test]
    fn absolute_paths_are_file_uris() {
        assert_eq!(uri("/a/b#c.yaml"), "file:///a/b%23c.yaml");
    }
}
