//! `mtk-seal validate`: asks the controller whether it can decrypt SealedSecrets.

use std::path::PathBuf;

use super::usage::access;
use crate::{
    args::ValidateArgs,
    cluster::{Access, block_on},
    error::{Explain, Failure, hint},
    exit::Exit,
    input::Input,
    kubeseal::{self, Others, Remote, SealedFile},
    output,
    report::Report,
    unsealing::SealedError,
};

const PERMISSION: &str = "this needs permission to `get` the Service of the controller, and to `create` its `services/proxy`";

/// The validated arguments.
pub(crate) struct Options {
    files: Vec<PathBuf>,
    access: Access,
}

impl From<ValidateArgs> for Options {
    fn from(args: ValidateArgs) -> Self {
        Self { files: args.files, access: access(args.connection) }
    }
}

/// Writes one line for each SealedSecret. Fails if the controller cannot decrypt one.
pub(super) fn run(options: &Options, report: &Report) -> Result<(), Failure> {
    let mut sealed = Vec::new();
    for input in Input::read_all(&options.files, "SealedSecrets", report)? {
        sealed.extend(SealedFile::read(&input, Others::Skip, report)?.sealed);
    }
    if sealed.is_empty() {
        return Err(SealedError::None.into());
    }
    let failed = block_on(async {
        let remote = Remote::connect(&options.access).await?;
        let mut failed = 0;
        for one in &sealed {
            let is_valid = kubeseal::verify(&remote, one).await?;
            failed += usize::from(!is_valid);
            output::write_stdout(line(&one.object(), &one.origin, is_valid).as_bytes())?;
        }
        Ok::<_, Failure>(failed)
    })
    .map_err(unanswered)?;
    if failed > 0 {
        return Err(Undecryptable { failed, total: sealed.len() }.into());
    }
    report.note(&format!("the controller can decrypt {}", plural(sealed.len())));
    Ok(())
}

/// The failure without hints about certificates, which are no alternative here.
fn unanswered(mut failure: Failure) -> Failure {
    failure.hints.retain(|hint| !hint.contains("cert"));
    failure.hints.push(PERMISSION.to_owned());
    failure
}

fn line(object: &str, origin: &str, is_valid: bool) -> String {
    let object = object.escape_debug();
    if is_valid {
        format!("{object}: valid\n")
    } else {
        format!("{object}: does not open ({})\n", origin.escape_debug())
    }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 SealedSecret".to_owned() } else { format!("{count} SealedSecrets") }
}

/// SealedSecrets that the controller cannot decrypt.
#[derive(Debug, thiserror::Error)]
#[error("the controller cannot decrypt {failed} of {}", plural(*total))]
struct Undecryptable {
    failed: usize,
    total: usize,
}

impl Explain for Undecryptable {
    fn exit(&self) -> Exit {
        Exit::Failure
    }

    fn hints(&self) -> Vec<String> {
        hint("`mtk-seal explain --key keys.yaml FILE` shows the reason for each item")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cluster::testing::{kubeconfig, server};

    const SERVICE_PATH: &str = "/api/v1/namespaces/kube-system/services/mtk-controller";
    const SERVICE: &str = r#"{"spec": {"ports": [{"name": "http", "port": 8080}]}}"#;
    const VERIFY_PATH: &str =
        "/api/v1/namespaces/kube-system/services/http:mtk-controller:http/proxy/v1/verify";

    /// The result for two SealedSecrets beside a ConfigMap, if the controller answers with this status.
    fn validate(status: u16) -> Result<(), Failure> {
        let directory = tempfile::tempdir().unwrap();
        let url = server(&[(SERVICE_PATH, 200, SERVICE), (VERIFY_PATH, status, "")]);
        let file = directory.path().join("sealed.yaml");
        let one = "kind: SealedSecret\nmetadata: {name: s, namespace: n}\nspec: {}\n---\n";
        fs::write(&file, format!("{one}kind: ConfigMap\n---\n{one}")).unwrap();
        let kubeconfig = Some(kubeconfig(directory.path(), &url));
        let options =
            Options { files: vec![file], access: Access { kubeconfig, ..Access::default() } };
        run(&options, &Report::new(true))
    }

    #[test]
    fn each_answer_of_the_controller_has_its_result() {
        assert!(validate(200).is_ok());
        let cause = |status| {
            let failure = validate(status).unwrap_err();
            assert_eq!(failure.exit, Exit::Failure);
            failure.cause
        };
        assert_eq!(cause(409), "the controller cannot decrypt 2 of 2 SealedSecrets");
        for (status, text) in [(404, "could not find"), (403, "403"), (429, "too many requests")] {
            assert!(cause(status).contains(text), "{status}: {}", cause(status));
        }
    }

    #[test]
    fn hints_name_the_permission_and_no_certificate() {
        let hints = validate(403).unwrap_err().hints;
        assert_eq!(hints, [PERMISSION]);
        let failure = Failure {
            exit: Exit::Failure,
            cause: String::new(),
            details: Vec::new(),
            hints: vec!["`--cert FILE` needs no access".to_owned(), "check the name".to_owned()],
        };
        assert_eq!(unanswered(failure).hints, ["check the name", PERMISSION]);
    }

    #[test]
    fn lines_name_the_object_and_its_place() {
        assert_eq!(line("web/app", "a.yaml:1", true), "web/app: valid\n");
        assert_eq!(line("w\n", "a:1", false), "w\\n: does not open (a:1)\n");
    }
}
