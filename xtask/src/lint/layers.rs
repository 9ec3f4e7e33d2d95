//! The layers of the controller: a module imports only from the layers below its own.

use super::finding::Finding;
use super::modules::Modules;

/// The modules of `controller/src`, the lowest layer first. Modules of one layer do not import each
/// other.
const LAYERS: &[&[&str]] = &[
    &["key", "telemetry"],
    &["reason"],
    &["runtime"],
    &["target", "aws", "keys"],
    &["context"],
    &["sealed", "external", "restart", "http"],
    &["config"],
    &["run"],
    &["tests"],
];

/// Every import that does not lead downwards.
pub(super) fn check(modules: &Modules) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in modules.names().filter(|module| module.len() == 1) {
        if layer(&module[0]).is_none() {
            let file = modules.file(module).unwrap_or_default();
            let message = format!(
                "module `{}` belongs to no layer; add it to LAYERS in xtask/src/lint/layers.rs",
                module[0],
            );
            findings.push(Finding::new(file, 1, message));
        }
    }
    for arrow in modules.arrows() {
        let (Some(from), Some(to)) = (arrow.from.first(), arrow.to.first()) else { continue };
        let (Some(from_layer), Some(to_layer)) = (layer(from), layer(to)) else { continue };
        if from == to || to_layer < from_layer {
            continue;
        }
        let message = if from_layer == to_layer {
            format!(
                "`{from}` imports `{to}` ({}), but both are in layer {from_layer}: {}",
                arrow.written,
                LAYERS[from_layer].join(", "),
            )
        } else {
            format!(
                "`{from}` (layer {from_layer}) imports `{to}` (layer {to_layer}), which is above \
                 it: {}",
                arrow.written,
            )
        };
        findings.push(Finding::new(&arrow.file, arrow.line, message));
    }
    findings
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[cfg(test)]
mod tests {
    use super::super::modules::testing::modules;
    use super::*;

    const LIB: (&str, &str) = ("lib.rs", "mod aws; mod runtime; mod sealed; mod target;");

    fn check_imports(target: &str, sealed: &str) -> Vec<String> {
        let files =
            [LIB, ("aws.rs", ""), ("runtime.rs", ""), ("target.rs", target), ("sealed.rs", sealed)];
        check(&modules(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn import_from_a_lower_layer_passes() {
        assert_eq!(check_imports("use crate::runtime::X;", "use crate::target::Y;"), [""; 0]);
    }

    #[test]
    fn import_from_a_higher_layer_fails() {
        let found = check_imports("\nuse crate::{\n    sealed::X,\n};", "");
        let expected = "src/target.rs:3: `target` (layer 3) imports `sealed` (layer 5), which is \
                        above it: crate::sealed::X";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn path_in_code_to_a_higher_layer_fails() {
        assert_eq!(check_imports("fn a() { super::sealed::b(); }", "").len(), 1);
    }

    #[test]
    fn import_within_a_layer_fails() {
        let found = check_imports("use crate::aws::Pool;", "");
        assert!(found[0].contains("both are in layer 3: target, aws, keys"), "{found:?}");
    }

    #[test]
    fn module_without_a_layer_fails() {
        let found = check(&modules(&[("lib.rs", "mod misc;"), ("misc.rs", "")]));
        assert!(found[0].message.contains("belongs to no layer"), "{found:?}");
    }
}
