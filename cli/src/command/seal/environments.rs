//! Seals for several environments. One that fails leaves its file as it is, and the others are done.

use std::path::{Path, PathBuf};

use crate::{
    error::{Explain, Failure, hint, shown},
    exit::Exit,
    input::{Input, InputError},
    output::Destination,
    project::Project,
    report::Report,
    sealed_file,
};

/// The flags, which apply to all environments.
pub(super) struct Common<'a> {
    pub(super) files: &'a [PathBuf],
    /// None without `-w`.
    pub(super) to: Option<&'a Destination>,
    pub(super) has_certificate: bool,
}

/// Calls `seal` for each environment, with its input and output.
pub(super) fn run(
    environments: Vec<(String, Project)>,
    common: &Common<'_>,
    seal: impl Fn(&Project, &[Input], &Destination) -> Result<(), Failure>,
    report: &Report,
) -> Result<(), Failure> {
    check(&environments, common)?;
    let is_single = environments.len() == 1;
    // The standard input can be read only once.
    let needs_common =
        !common.files.is_empty() || environments.iter().any(|(_, own)| own.source.is_none());
    let inputs =
        if needs_common { Input::read_all(common.files, "values", report)? } else { Vec::new() };
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for (name, environment) in environments {
        report.note(&format!("environment {name}"));
        let own = environment.source.as_deref().filter(|_| common.files.is_empty());
        let sealed = own_inputs(own).and_then(|own| {
            let to = destination(&environment, common, is_single)?;
            seal(&environment, own.as_deref().unwrap_or(&inputs), &to)
        });
        match sealed {
            Ok(()) => done.push(name),
            Err(failure) => failed.push((name, failure)),
        }
    }
    summarize(&done, failed, report)
}

fn summarize(
    done: &[String],
    mut failed: Vec<(String, Failure)>,
    report: &Report,
) -> Result<(), Failure> {
    if !done.is_empty() {
        report.note(&format!("sealed for {}", done.join(", ")));
    }
    if failed.is_empty() {
        return Ok(());
    }
    if let (true, 1, Some((name, failure))) = (done.is_empty(), failed.len(), failed.last_mut()) {
        failure.cause = format!("environment {name}: {}", failure.cause);
        return Err(failed.remove(0).1);
    }
    Err(EnvironmentsError::Failed { total: done.len() + failed.len(), failed }.into())
}

/// Rejects flags and outputs that cannot be those of several environments.
fn check(environments: &[(String, Project)], common: &Common<'_>) -> Result<(), EnvironmentsError> {
    let count = environments.len();
    if count > 1 && common.to.is_some() {
        return Err(EnvironmentsError::OneOutput { count });
    }
    if count > 1 && common.has_certificate {
        return Err(EnvironmentsError::OneCertificate { count });
    }
    for (index, (name, environment)) in environments.iter().enumerate() {
        let same = environments[..index]
            .iter()
            .find(|(_, other)| environment.output.is_some() && other.output == environment.output);
        if let Some((first, _)) = same {
            let (first, second) = (first.clone(), name.clone());
            return Err(EnvironmentsError::SameOutput { first, second });
        }
    }
    Ok(())
}

fn own_inputs(source: Option<&Path>) -> Result<Option<Vec<Input>>, Failure> {
    let Some(path) = source else {
        return Ok(None);
    };
    check_inside(path)?;
    let input: Result<Input, InputError> = Input::file(path);
    Ok(Some(vec![input?]))
}

fn destination(
    environment: &Project,
    common: &Common<'_>,
    is_single: bool,
) -> Result<Destination, EnvironmentsError> {
    match (common.to, &environment.output) {
        (Some(to), _) => Ok(to.clone()),
        (None, Some(path)) => {
            check_inside(path)?;
            Ok(Destination::File(path.clone()))
        }
        (None, None) if is_single => Ok(Destination::Stdout),
        (None, None) => Err(EnvironmentsError::NoOutput),
    }
}

/// A repository may come from someone else, so its project file names no file outside of it.
fn check_inside(path: &Path) -> Result<(), EnvironmentsError> {
    if sealed_file::is_inside(path) {
        Ok(())
    } else {
        Err(EnvironmentsError::Outside { path: path.to_owned() })
    }
}

/// Why environments cannot be sealed for.
#[derive(Debug, thiserror::Error)]
enum EnvironmentsError {
    /// Some environments failed.
    #[error("{} of {total} environments failed", failed.len())]
    Failed {
        /// Their names and failures.
        failed: Vec<(String, Failure)>,
        /// The number of all environments.
        total: usize,
    },
    /// Several environments, and one of them has no output.
    #[error("the environment has no `output` in the project file")]
    NoOutput,
    /// `--cert` for several environments.
    #[error("`--cert` names one certificate for {count} environments")]
    OneCertificate {
        /// The number of environments.
        count: usize,
    },
    /// `-w` for several environments.
    #[error("`--write` names one file for {count} environments")]
    OneOutput {
        /// The number of environments.
        count: usize,
    },
    /// A link leads out of the repository.
    #[error("`{}` is outside of the repository", shown(path))]
    Outside {
        /// The path.
        path: PathBuf,
    },
    /// Two environments would overwrite each other's file.
    #[error("the environments {first} and {second} have the same `output`")]
    SameOutput {
        /// The first environment.
        first: String,
        /// The second environment.
        second: String,
    },
}

impl Explain for EnvironmentsError {
    fn exit(&self) -> Exit {
        match self {
            Self::Failed { failed, .. } => {
                let mut exits = failed.iter().map(|(_, failure)| failure.exit);
                let first = exits.next().unwrap_or(Exit::Failure);
                if exits.all(|exit| exit == first) { first } else { Exit::Failure }
            }
            Self::OneCertificate { .. } | Self::OneOutput { .. } => Exit::Usage,
            Self::NoOutput | Self::Outside { .. } | Self::SameOutput { .. } => Exit::Project,
        }
    }

    fn details(&self) -> Vec<String> {
        let Self::Failed { failed, .. } = self else {
            return Vec::new();
        };
        let lines = |(name, failure): &(String, Failure)| {
            let details = failure.details.iter().map(|detail| format!("  {detail}"));
            std::iter::once(format!("{name}: {}", failure.cause)).chain(details).collect::<Vec<_>>()
        };
        failed.iter().flat_map(lines).collect()
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Failed { failed, .. } => {
                let mut hints: Vec<_> =
                    failed.iter().flat_map(|(_, failure)| failure.hints.clone()).collect();
                hints.sort();
                hints.dedup();
                hints
            }
            Self::NoOutput => hint("add `output` to the environment, or seal for it only"),
            Self::OneCertificate { .. } => hint(
                "put the `certificate` of each environment into the project file, and unset MTK_SEAL_CERT",
            ),
            Self::OneOutput { .. } => {
                hint("put the `output` of each environment into the project file")
            }
            Self::Outside { .. } => hint("a link leads there: give the path with a flag instead"),
            Self::SameOutput { .. } => hint("the second would overwrite the first"),
        }
    }
}
