//! The modules of a crate, and the uses between them.

use std::collections::{BTreeMap, BTreeSet};

use super::code_paths::{self, CodePath};
use super::files::TextFile;
use super::items::Items;
use super::rust;

/// The path of a module below the crate's root, such as `["target", "plan"]`.
pub(super) type ModulePath = Vec<String>;

/// A use of a module by another.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Arrow {
    pub(super) from: ModulePath,
    pub(super) to: ModulePath,
    pub(super) file: String,
    pub(super) line: usize,
    /// The path in the source.
    pub(super) written: String,
}

/// The modules below one root, `lib.rs` or `main.rs`, without those for tests.
#[derive(Debug, Default)]
pub(super) struct Modules {
    files: BTreeMap<ModulePath, String>,
    paths: BTreeMap<ModulePath, Vec<CodePath>>,
}

impl Modules {
    /// Reads the modules below this root, following `mod` declarations.
    pub(super) fn read(root: &str, files: &BTreeMap<&str, &TextFile>) -> Modules {
        let mut modules = Modules::default();
        let mut pending = vec![(ModulePath::new(), root.to_owned())];
        while let Some((module, path)) = pending.pop() {
            let Some(file) = files.get(path.as_str()) else { continue };
            let product = Items::read(&rust::lex(&file.text)).product;
            let directory = directory(&path, module.is_empty());
            for name in code_paths::declared_modules(&product) {
                let candidates =
                    [format!("{directory}/{name}.rs"), format!("{directory}/{name}/mod.rs")];
                let found = candidates.into_iter().find(|path| files.contains_key(path.as_str()));
                if let Some(found) = found {
                    let child = module.iter().cloned().chain([name]).collect();
                    pending.push((child, found));
                }
            }
            modules.paths.insert(module.clone(), code_paths::paths(&product));
            modules.files.insert(module, path);
        }
        modules
    }

    /// The file of a module.
    pub(super) fn file(&self, module: &[String]) -> Option<&str> {
        self.files.get(module).map(String::as_str)
    }

    /// The modules with files.
    pub(super) fn names(&self) -> impl Iterator<Item = &ModulePath> {
        self.files.keys()
    }

    /// Every use of a module of this crate by another, once for each pair.
    pub(super) fn arrows(&self) -> Vec<Arrow> {
        let mut seen = BTreeSet::new();
        let mut arrows = Vec::new();
        for (from, paths) in &self.paths {
            for path in paths {
                let Some(to) = self.resolve(from, path) else { continue };
                if to != *from && seen.insert((from.clone(), to.clone())) {
                    arrows.push(Arrow {
                        from: from.clone(),
                        to,
                        file: self.files[from].clone(),
                        line: path.line,
                        written: path.segments.join("::"),
                    });
                }
            }
        }
        arrows
    }

    /// The innermost module with its own file in a path. Re-exported items belong to the parent.
    fn resolve(&self, from: &[String], path: &CodePath) -> Option<ModulePath> {
        let mut module = [from, path.inside.as_slice()].concat();
        let mut rest = path.segments.as_slice();
        match rest.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while let Some((_, after)) = rest.split_first().filter(|(one, _)| *one == "super") {
                    module.pop();
                    rest = after;
                }
            }
            // The path belongs to another crate, unless this module declares its first segment.
            first => {
                module.push(first.to_owned());
                rest = &rest[1..];
                self.files.get(&module)?;
            }
        }
        for segment in rest {
            module.push(segment.clone());
            if !self.files.contains_key(&module) {
                module.pop();
                break;
            }
        }
        // A module without its own file is part of its parent's file.
        while !self.files.contains_key(&module) {
            module.pop()?;
        }
        Some(module)
    }
}

/// The directory of the modules that this file declares.
fn directory(path: &str, is_root: bool) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    if is_root || path.ends_with("/mod.rs") {
        parent.to_owned()
    } else {
        path.trim_end_matches(".rs").to_owned()
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The modules of a crate with these files, in `src`.
    pub(in super::super) fn modules(files: &[(&str, &str)]) -> Modules {
        let file = |(path, text): &(&str, &str)| TextFile {
            path: format!("src/{path}"),
            text: (*text).to_owned(),
        };
        let files: Vec<_> = files.iter().map(file).collect();
        let by_path = files.iter().map(|file| (file.path.as_str(), file)).collect();
        Modules::read("src/lib.rs", &by_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        let arrows = testing::modules(files).arrows();
        let shown = |arrow: &Arrow| format!("{} -> {}", arrow.from.join("::"), arrow.to.join("::"));
        arrows.iter().map(shown).collect()
    }

    #[test]
    fn paths_lead_to_the_deepest_module_with_a_file() {
        let found = arrows(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod c; use self::c::D;"),
            ("a/c.rs", "use crate::b::E; use super::F;"),
            ("b.rs", "fn f() { crate::a::c::g() }"),
        ]);
        assert_eq!(found, ["a -> a::c", "a::c -> b", "a::c -> a", "b -> a::c"]);
    }

    #[test]
    fn children_are_known_without_a_prefix() {
        assert_eq!(arrows(&[("lib.rs", "mod a; pub use a::B;"), ("a.rs", "")]), [" -> a"]);
        assert_eq!(arrows(&[("lib.rs", "mod a; use std::a::B;"), ("a.rs", "")]), [""; 0]);
    }

    #[test]
    fn modules_for_tests_are_left_out() {
        let files = [
            ("lib.rs", "mod a; #[cfg(test)] mod b;"),
            ("a.rs", "#[cfg(test)] mod tests { use crate::b; }"),
            ("b.rs", "use crate::a;"),
        ];
        assert_eq!(arrows(&files), [""; 0]);
    }

    #[test]
    fn super_inside_a_module_of_the_file_is_the_file() {
        assert_eq!(arrows(&[("lib.rs", "mod a;"), ("a.rs", "mod b { use super::C; }")]), [""; 0]);
    }
}
