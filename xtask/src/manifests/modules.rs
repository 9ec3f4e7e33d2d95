//! Tables of inputs and outputs in the READMEs of the Terraform modules.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::paths;
use crate::runner::Output;

const MODULES: &str = "deploy/terraform/modules";
/// The tables are the end of a README, from this heading.
const HEADING: &str = "\n## Inputs\n";

/// Writes all tables, or with `check` fails if one is out of date.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let home = paths::root().join(MODULES);
    let mut outdated = Vec::new();
    for entry in fs::read_dir(&home).with_context(|| format!("reading {}", home.display()))? {
        let module = entry?.path();
        let path = module.join("README.md");
        let readme = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
        let wanted = with_tables(&readme, &tables(&module)?);
        if readme != wanted && !check {
            fs::write(&path, wanted)?;
            Output::Stdout.line(format_args!("wrote {}", path.display()));
        } else if readme != wanted {
            outdated.push(path.display().to_string());
        }
    }
    if !outdated.is_empty() {
        bail!("out of date: {}\nhint: run `cargo xtask manifests`", outdated.join(", "));
    }
    Ok(())
}

fn with_tables(readme: &str, tables: &str) -> String {
    let text = readme.split(HEADING).next().unwrap_or(readme);
    format!("{}\n{tables}", text.trim_end_matches('\n').to_owned() + "\n")
}

fn tables(module: &Path) -> anyhow::Result<String> {
    let read = |name: &str| {
        let path = module.join(name);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let mut text = HEADING.trim_start().to_owned();
    text.push_str("\n| name | type | default | description |\n|---|---|---|---|\n");
    for input in blocks(&read("variables.tf")?, "variable")? {
        let default =
            input.default.map_or_else(|| "required".to_owned(), |text| format!("`{text}`"));
        writeln!(
            text,
            "| `{}` | `{}` | {default} | {} |",
            input.name, input.kind, input.description
        )?;
    }
    text.push_str("\n## Outputs\n\n| name | description |\n|---|---|\n");
    for output in blocks(&read("outputs.tf")?, "output")? {
        writeln!(text, "| `{}` | {} |", output.name, output.description)?;
    }
    Ok(text)
}

/// A variable or an output.
#[derive(Debug, Default, PartialEq)]
struct Block {
    name: String,
    description: String,
    kind: String,
    default: Option<String>,
}

/// The blocks of a file that `terraform fmt` has formatted.
fn blocks(text: &str, kind: &str) -> anyhow::Result<Vec<Block>> {
    let start = format!("{kind} \"");
    let mut found: Vec<Block> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix(&start) {
            let name = rest.split('"').next().unwrap_or_default().to_owned();
            found.push(Block { name, ..Block::default() });
            continue;
        }
        // Nested blocks are indented further.
        let setting = line.strip_prefix("  ").filter(|text| !text.starts_with(' '));
        let setting = setting.and_then(|text| text.split_once('='));
        let (Some(block), Some((name, value))) = (found.last_mut(), setting) else { continue };
        let value = value.trim();
        match name.trim() {
            "description" => block.description = description(value, &mut lines),
            "type" => block.kind = shortened(value),
            "default" => block.default = Some(shortened(value)),
            _ => {}
        }
    }
    if let Some(block) = found.iter().find(|block| block.description.is_empty()) {
        bail!("{kind} {} has no description", block.name);
    }
    Ok(found)
}

/// A string, or the lines until the end of a here document; for a cell of a table.
fn description<'a>(value: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let text = match value.strip_prefix("<<-") {
        Some(end) => {
            let text: Vec<_> = lines.map(str::trim).take_while(|line| *line != end).collect();
            text.join(" ")
        }
        None => value.trim_matches('"').replace("\\\"", "\""),
    };
    text.replace('|', "\\|")
}

/// A value, or its beginning if it continues in further lines.
fn shortened(value: &str) -> String {
    let open = value.ends_with(['{', '[', '(']);
    let text = value.replace('|', "\\|");
    if open { format!("{text}…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_their_settings() {
        let text = "variable \"a\" {\n  description = \"A \\\"b\\\" | c.\"\n  type        = set(string)\n  default     = []\n\n  \
                    validation {\n    condition     = true\n    error_message = \"x\"\n  }\n}\n\nvariable \"b\" {\n  \
                    description = <<-EOT\n    One.\n    Two.\n  EOT\n  type = object({\n    c = string\n  })\n}\n";
        let [a, b] = &blocks(text, "variable").unwrap()[..] else { panic!("two variables") };
        assert_eq!((a.name.as_str(), a.kind.as_str()), ("a", "set(string)"));
        assert_eq!((a.description.as_str(), a.default.as_deref()), ("A \"b\" \\| c.", Some("[]")));
        assert_eq!((b.description.as_str(), b.kind.as_str()), ("One. Two.", "object({…"));
        assert_eq!(b.default, None);
    }

    #[test]
    fn variable_without_description_is_rejected() {
        assert!(blocks("variable \"a\" {\n  type = string\n}\n", "variable").is_err());
    }

    #[test]
    fn tables_replace_the_end_of_a_readme() {
        let readme = "# a\n\nText.\n\n## Inputs\n\nold\n";
        assert_eq!(with_tables(readme, "## Inputs\n\nnew\n"), "# a\n\nText.\n\n## Inputs\n\nnew\n");
        assert_eq!(with_tables("# a\n", "## Inputs\n\nnew\n"), "# a\n\n## Inputs\n\nnew\n");
    }
}
