//! `docs/templates.md`: the functions for templates, from the crate that renders them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use templates::{Limits, Signature, dialect};

/// The text before and after the list.
const HEAD: &str = include_str!("functions/head.md");
const TAIL: &str = include_str!("functions/tail.md");

/// The page.
pub(super) fn page() -> String {
    let (sealed, external) = (dialect::sealed_secret(), dialect::external_secret());
    let sealed: BTreeSet<_> = sealed.names().collect();
    let mut groups: BTreeMap<&str, Vec<Signature>> = BTreeMap::new();
    for function in external.functions() {
        groups.entry(dialect::group(function.name)).or_default().push(function);
    }
    let limits = Limits::default();
    let mut page = HEAD
        .replace("{sealed}", &sealed.len().to_string())
        .replace("{external}", &external.names().count().to_string())
        .replace("{steps}", &limits.steps.to_string())
        .replace("{output}", &(limits.output >> 20).to_string())
        .replace("{bytes}", &(limits.bytes >> 20).to_string())
        .replace("{items}", &limits.items.to_string())
        .replace("{recursion}", &limits.recursion.to_string());
    for (group, functions) in groups {
        let only_external = functions.iter().all(|function| !sealed.contains(function.name));
        let remark = if only_external { " (ExternalSecrets only)" } else { "" };
        // Writing to a string does not fail.
        let _ = write!(page, "\n### {group}{remark}\n\n");
        page.push_str(
            "| function and its parameters | SealedSecret | ExternalSecret | deterministic |\n",
        );
        page.push_str("|---|---|---|---|\n");
        for function in functions {
            let has = |has: bool| if has { "yes" } else { "no" };
            let _ = writeln!(
                page,
                "| `{function}` | {} | yes | {} |",
                has(sealed.contains(function.name)),
                has(function.deterministic)
            );
        }
    }
    page.push_str(TAIL);
    page
}
