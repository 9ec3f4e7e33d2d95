//! Import cycles between the files of a crate.

use std::collections::{BTreeMap, BTreeSet};

use super::files::TextFile;
use super::finding::Finding;
use super::modules::{Arrow, Modules};

/// The word in the documentation of a folder's module that allows its files to import each other.
const PERMISSION: &str = "recursive";

/// One finding for each set of files that reach each other.
pub(super) fn check(modules: &Modules, files: &BTreeMap<&str, &TextFile>) -> Vec<Finding> {
    let arrows: Vec<_> = arrows_between_files(modules);
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to, _) in &arrows {
        reach.entry(from).or_default().insert(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        reach.keys().map(|from| (*from, reachable(from, &reach))).collect();
    let in_cycle = |one: &str, other: &str| {
        let leads = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
        leads(one, other) && leads(other, one)
    };
    let mut findings = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for file in reach.keys() {
        if !in_cycle(file, file) || done.contains(file) {
            continue;
        }
        let cycle: BTreeSet<&str> =
            reach.keys().copied().filter(|other| in_cycle(file, other)).collect();
        done.extend(&cycle);
        if !is_recursive(&cycle, files) {
            findings.push(finding(&cycle, &arrows));
        }
    }
    findings
}

type FileArrow<'a> = (&'a str, &'a str, Arrow);

fn arrows_between_files(modules: &Modules) -> Vec<FileArrow<'_>> {
    let arrows = modules.arrows().into_iter();
    arrows
        .filter_map(|arrow| Some((modules.file(&arrow.from)?, modules.file(&arrow.to)?, arrow)))
        .collect()
}

fn reachable<'a>(from: &str, reach: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<&str> = reach.get(from).into_iter().flatten().copied().collect();
    while let Some(next) = pending.pop() {
        if found.insert(next) {
            pending.extend(reach.get(next).into_iter().flatten());
        }
    }
    found
}

/// Whether all files are in one folder whose module is documented as recursive.
fn is_recursive(cycle: &BTreeSet<&str>, files: &BTreeMap<&str, &TextFile>) -> bool {
    let Some(first) = cycle.first() else { return false };
    let folders = [
        first.rsplit_once('/').map(|(folder, _)| folder),
        first.strip_suffix("/mod.rs").or_else(|| first.strip_suffix(".rs")),
    ];
    folders.into_iter().flatten().any(|folder| {
        let parents = ["{}.rs", "{}/mod.rs", "{}/lib.rs"].map(|name| name.replace("{}", folder));
        let is_inside = |file: &&str| {
            file.rsplit_once('/').is_some_and(|(parent, _)| parent == folder)
                || parents.iter().any(|parent| parent == file)
        };
        let documented = parents.iter().filter_map(|parent| files.get(parent.as_str()));
        cycle.iter().all(is_inside)
            && documented.into_iter().any(|file| {
                file.text
                    .lines()
                    .filter_map(|line| line.strip_prefix("//!"))
                    .any(|line| line.to_lowercase().contains(PERMISSION))
            })
    })
}

fn finding(cycle: &BTreeSet<&str>, arrows: &[FileArrow<'_>]) -> Finding {
    let mut inside: Vec<_> =
        arrows.iter().filter(|(from, to, _)| cycle.contains(from) && cycle.contains(to)).collect();
    inside.sort_by_key(|(from, to, _)| (*from, *to));
    let mut message = format!("import cycle of {} files:", cycle.len());
    for (_, to, arrow) in &inside {
        let line = format!("\n    {}:{} -> {to} ({})", arrow.file, arrow.line, arrow.written);
        message.push_str(&line);
    }
    let (file, line) = inside.first().map_or(("", 0), |(from, _, arrow)| (*from, arrow.line));
    Finding::new(file, line, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_crate(sources: &[(&str, &str)]) -> Vec<Finding> {
        let file = |(path, text): &(&str, &str)| TextFile {
            path: format!("src/{path}"),
            text: (*text).to_owned(),
        };
        let files: Vec<_> = sources.iter().map(file).collect();
        let by_path: BTreeMap<_, _> = files.iter().map(|file| (file.path.as_str(), file)).collect();
        check(&Modules::read("src/lib.rs", &by_path), &by_path)
    }

    #[test]
    fn files_that_import_each_other_are_one_cycle() {
        let found = check_crate(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "use crate::a;"),
        ]);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.starts_with("import cycle of 3 files:"), "{found:?}");
        assert!(found[0].message.contains("src/b.rs:1 -> src/c.rs"), "{found:?}");
    }

    #[test]
    fn parent_and_child_that_import_each_other_are_a_cycle() {
        let found = check_crate(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; pub use self::b::C; pub struct D;"),
            ("a/b.rs", "use super::D;"),
        ]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn import_through_a_parents_re_export_is_an_arrow_to_the_parent() {
        let found = check_crate(&[
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; mod c; pub use self::{b::B, c::C};"),
            ("a/b.rs", "use super::C;"),
            ("a/c.rs", ""),
        ]);
        assert!(found[0].message.starts_with("import cycle of 2 files:"), "{found:?}");
    }

    #[test]
    fn module_declarations_are_no_arrows() {
        assert_eq!(
            check_crate(&[("lib.rs", "mod a; struct B;"), ("a.rs", "use crate::B;")]),
            Vec::new()
        );
    }

    #[test]
    fn recursive_algorithm_may_cycle_inside_its_folder() {
        let inside = [
            ("lib.rs", "mod a;"),
            ("a.rs", "//! A recursive evaluator.\nmod b; mod c;"),
            ("a/b.rs", "use super::c;"),
            ("a/c.rs", "use super::b;"),
        ];
        assert_eq!(check_crate(&inside), Vec::new());
        let mut silent = inside;
        silent[1].1 = "//! An evaluator.\nmod b; mod c;";
        assert_eq!(check_crate(&silent).len(), 1);
    }
}
