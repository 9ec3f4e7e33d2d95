//! Calls that only certain modules may make.

use super::files::TextFile;
use super::finding::Finding;
use super::items::Items;
use super::rust::{self, Placed, Token};

/// The modules that write Secrets: `target` writes those of users, and `keys` the controller's own.
const SECRET_WRITERS: &[&str] = &["controller/src/target", "controller/src/keys"];
/// The calls of `kube::Api` that write.
const WRITES: &[&str] =
    &["create", "delete", "delete_collection", "entry", "patch", "patch_metadata", "replace"];
/// The names of pure modules: their decisions depend on arguments only.
const PLANS: &[&str] = &["plan", "schedule"];
/// Calls that compare or search a text.
const TEXT_DECISIONS: &[&str] = &["contains", "ends_with", "eq", "find", "starts_with"];
/// AWS reports some errors only by their message, without a separate code.
const MESSAGE_READERS: &[&str] = &["controller/src/aws/error.rs", "controller/src/aws/error/"];

/// Violations of all three rules, in the product's own code.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sources = files.iter().filter(|file| {
        ["controller/src/", "cli/src/"].iter().any(|folder| file.path.starts_with(folder))
            && file.extension() == "rs"
            && !is_test_file(&file.path)
    });
    for file in sources {
        let tokens = Items::read(&rust::lex(&file.text)).product;
        if file.path.starts_with("controller/")
            && !SECRET_WRITERS.iter().any(|writer| is_in(&file.path, writer))
        {
            findings.extend(secret_writes(&file.path, &tokens));
        }
        if is_plan(&file.path) {
            findings.extend(impurities(&file.path, &tokens));
        }
        if !MESSAGE_READERS.iter().any(|reader| file.path.starts_with(reader)) {
            findings.extend(message_decisions(&file.path, &tokens));
        }
    }
    findings
}

/// Whether this is the file of a module, or a file in its folder.
fn is_in(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.ends_with("/testing.rs")
}

fn is_plan(path: &str) -> bool {
    let parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
    parts.into_iter().any(|part| PLANS.contains(&part))
}

/// Calls of `Api` that write, in a file that has an `Api` of Secrets.
fn secret_writes(path: &str, tokens: &[Placed]) -> Vec<Finding> {
    if !has_secret_api(tokens) {
        return Vec::new();
    }
    let calls = method_calls(tokens).filter(|(name, _)| WRITES.contains(name));
    calls
        .map(|(name, line)| {
            let message = format!(
                "`.{name}(…)` in a file with an `Api<Secret>`; only `target` writes Secrets"
            );
            Finding::new(path, line, message)
        })
        .collect()
}

/// `Api<Secret>`, `Api::<Secret>` and `Api<PartialObjectMeta<Secret>>`.
fn has_secret_api(tokens: &[Placed]) -> bool {
    tokens.iter().enumerate().any(|(at, (token, _))| {
        let mut rest = tokens[at + 1..].iter().map(|(token, _)| token).peekable();
        if token.word() != Some("Api") {
            return false;
        }
        rest.next_if(|next| **next == Token::PathSeparator);
        rest.next().is_some_and(|next| next.is('<'))
            && rest.take_while(|next| !next.is('>')).any(|next| next.word() == Some("Secret"))
    })
}

/// Calls that make a plan depend on more than its arguments.
fn impurities(path: &str, tokens: &[Placed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, (token, line)) in tokens.iter().enumerate() {
        let Some(word) = token.word() else { continue };
        let next = |offset: usize| tokens.get(at + offset).map(|(token, _)| token);
        let is_now =
            next(1) == Some(&Token::PathSeparator) && next(2).and_then(Token::word) == Some("now");
        let is_elapsed = word == "elapsed" && next(1).is_some_and(|next| next.is('('));
        let what = if is_now || is_elapsed || word == "SystemTime" {
            "reads the clock; take `now` as an argument"
        } else if word == "Client" || word == "Api" {
            "names a client; plans do no I/O"
        } else {
            continue;
        };
        findings.push(Finding::new(path, *line, format!("`{word}` in a plan {what}")));
    }
    findings
}

/// `.message.contains(…)`, `.message() == …` and the like.
fn message_decisions(path: &str, tokens: &[Placed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, (token, line)) in tokens.iter().enumerate() {
        let is_field = at > 0 && tokens[at - 1].0.is('.') && token.word() == Some("message");
        if !is_field {
            continue;
        }
        let mut rest = tokens[at + 1..].iter().map(|(token, _)| token).peekable();
        if rest.next_if(|next| next.is('(')).is_some() {
            rest.next_if(|next| next.is(')'));
        }
        let decision = match (rest.next(), rest.next()) {
            (Some(dot), Some(Token::Word(call)))
                if dot.is('.') && TEXT_DECISIONS.contains(&call.as_str()) =>
            {
                format!(".message.{call}(…)")
            }
            (Some(first), Some(second)) if second.is('=') && (first.is('=') || first.is('!')) => {
                ".message ==".to_owned()
            }
            _ => continue,
        };
        let message = format!("`{decision}` decides by a text; decide by a reason or an enum");
        findings.push(Finding::new(path, *line, message));
    }
    findings
}

/// The names of called methods, with their lines.
fn method_calls(tokens: &[Placed]) -> impl Iterator<Item = (&str, usize)> {
    tokens.windows(3).filter_map(|window| match window {
        [(dot, _), (Token::Word(name), line), (next, _)]
            if dot.is('.') && (next.is('(') || *next == Token::PathSeparator) =>
        {
            Some((name.as_str(), *line))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_file(path: &str, text: &str) -> Vec<usize> {
        let file = TextFile { path: path.to_owned(), text: text.to_owned() };
        check(&[file]).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn secret_written_outside_target_fails() {
        let text = "let secrets: Api<PartialObjectMeta<Secret>> = x;\nsecrets.delete(name, &p);";
        assert_eq!(check_file("controller/src/external/deletion.rs", text), [2]);
        assert_eq!(check_file("controller/src/target/delete.rs", text), [0; 0]);
        assert_eq!(check_file("controller/src/keys/create.rs", text), [0; 0]);
        assert_eq!(check_file("controller/src/targets.rs", text), [2]);
    }

    #[test]
    fn secret_read_and_other_kinds_written_pass() {
        assert_eq!(check_file("controller/src/a.rs", "Api::<Secret>::all(c).get(name);"), [0; 0]);
        assert_eq!(check_file("controller/src/a.rs", "Api::<Pod>::all(c).patch(name);"), [0; 0]);
        let test = "#[cfg(test)] mod tests { fn a(b: Api<Secret>) { b.patch(c) } }";
        assert_eq!(check_file("controller/src/a.rs", test), [0; 0]);
    }

    #[test]
    fn clock_in_a_plan_fails() {
        let text = "Timestamp::now();\nInstant::now();\nat.elapsed();\nSystemTime::UNIX_EPOCH;";
        assert_eq!(check_file("controller/src/external/plan.rs", text), [1, 2, 3, 4]);
        assert_eq!(check_file("controller/src/external/schedule/next.rs", text), [1, 2, 3, 4]);
        assert_eq!(check_file("controller/src/external/apply.rs", text), [0; 0]);
        assert_eq!(
            check_file("controller/src/external/plan.rs", "fn plan(now: Timestamp) {}"),
            [0; 0]
        );
    }

    #[test]
    fn client_in_a_plan_fails() {
        assert_eq!(check_file("controller/src/sealed/plan.rs", "use kube::Client;"), [1]);
    }

    #[test]
    fn decision_on_message_text_fails() {
        let text =
            "failure.message.contains(X);\na.message() == B;\na.message != b;\na.message.len()";
        assert_eq!(check_file("controller/src/external/apply.rs", text), [1, 2, 3]);
        assert_eq!(check_file("cli/src/a.rs", "message.starts_with(x)"), [0; 0]);
    }
}
