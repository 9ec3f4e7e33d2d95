//! The exit code and hints for inputs that cannot be read. The hints name the flags of this command.

use sources::{JsonProblem, ManifestProblem, Problem, SourceError, TfvarsProblem};

use crate::{
    error::{Explain, hint},
    exit::Exit,
};

impl Explain for SourceError {
    fn exit(&self) -> Exit {
        Exit::Input
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Malformed { problem, .. } => problem_hints(problem),
            Self::UnknownFormat { .. } => {
                hint("name the format with `--from dotenv`, `tfvars`, `json`, `yaml` or `manifest`")
            }
            Self::DuplicateKey { .. } => hint("remove one of the two"),
            Self::Mixed => hint("run mtk-seal once for the values and once for the manifests"),
            Self::NoSecret { skipped: true } => hint("`--skip-others` left out all objects"),
            Self::NoSecret { skipped: false } => {
                hint("give values on the standard input, or name files")
            }
        }
    }
}

fn problem_hints(problem: &Problem) -> Vec<String> {
    let flag = match problem {
        Problem::Json(JsonProblem::Syntax(_)) => "`--from yaml` reads YAML that looks like JSON",
        Problem::Manifest(ManifestProblem::NoKind) => {
            "`--from yaml` or `--from json` reads a flat object of keys and values"
        }
        Problem::Manifest(ManifestProblem::OtherKind(_)) => {
            "`--skip-others` seals only the Secrets"
        }
        Problem::Manifest(ManifestProblem::Sealed(_)) => {
            "give the original Secret; `mtk-seal unseal` restores it with the private key"
        }
        Problem::Tfvars(TfvarsProblem::NotAMap { .. }) => "`--tfvar NAME` chooses another variable",
        Problem::Tfvars(TfvarsProblem::NoVariable { maps, .. }) if !maps.is_empty() => {
            let maps = maps.join(", ");
            return hint(format!(
                "the file has these maps: {maps} (choose one with `--tfvar NAME`)"
            ));
        }
        other => return other.remedy().map(str::to_owned).into_iter().collect(),
    };
    hint(flag)
}
